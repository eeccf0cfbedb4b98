#include "data_folder.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace holdfast {

namespace {

constexpr int kFormat = 1;

Error unusable(const std::filesystem::path& path, std::string_view what, int code) {
  return fail(ErrorCode::unavailable, kFolderUnusable,
              fmt::format("cannot {} the data folder {}: {}", what, path.string(),
                          std::generic_category().message(code)));
}

Error no_data_folder(const std::filesystem::path& path) {
  return fail(ErrorCode::unavailable, kFolderUnusable,
              fmt::format("{} is no data folder of Holdfast: start `holdfast serve` on it first",
                          path.string()));
}

std::string read_short(int file) {
  std::array<char, 64> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

}  // namespace

Result<void> write_atomically(const std::filesystem::path& path, std::string_view text,
                              unsigned mode) {
  const std::string temporary = path.string() + ".new";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  const bool written =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file) == 0 && ::rename(temporary.c_str(), path.c_str()) == 0;
  const int code = errno;
  if (file >= 0) ::close(file);
  if (!written) return unusable(path, "write", code);
  const int folder = ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = handle >= 0 && ::fsync(handle) == 0;
  if (handle >= 0) ::close(handle);
  if (synced) return {};
  return fail(ErrorCode::unavailable, kFolderUnusable, "cannot sync " + folder.string());
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

Result<DataFolder> DataFolder::look_into(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path / "format", error)) return no_data_folder(path);
  DataFolder folder(std::filesystem::weakly_canonical(path), -1);
  HF_CHECK(folder.check_format());
  return folder;
}

Result<DataFolder> DataFolder::open(const std::filesystem::path& path, IfMissing if_missing) {
  std::error_code error;
  if (if_missing == IfMissing::create) {
    std::filesystem::create_directories(path, error);
    if (error) return unusable(path, "make", error.value());
  }
  const bool is_folder = std::filesystem::is_directory(path, error);
  if (!is_folder) return unusable(path, "open", error ? error.value() : ENOTDIR);
  if (if_missing == IfMissing::fail && !std::filesystem::exists(path / "format")) {
    return no_data_folder(path);
  }
  const int lock = ::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return unusable(path, "write to", errno);
  DataFolder folder(std::filesystem::weakly_canonical(path), lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    std::string pid = read_short(lock);
    while (pid.ends_with('\n')) pid.pop_back();
    return fail(
        ErrorCode::conflict, kFolderInUse,
        fmt::format("the data folder {} is in use by another process ({})", path.string(), pid),
        {pid});
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) < 0)
    return unusable(path, "write to", errno);
  HF_CHECK(folder.check_format());
  return folder;
}

Result<void> DataFolder::check_format() {
  const int file = ::open((path_ / "format").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    fresh_ = true;
    return {};
  }
  if (file < 0) return unusable(path_, "read", errno);
  const std::string text = read_short(file);
  ::close(file);
  if (text == fmt::format("{}\n", kFormat)) return {};
  const bool number = text.size() >= 2 && text.size() <= 7 && text.ends_with('\n') &&
                      text.find_first_not_of("0123456789") == text.size() - 1;
  if (number && std::stoi(text) > kFormat) {
    return fail(
        ErrorCode::unsupported, kFolderNewer,
        fmt::format(
            "the data folder {} has format {}, which is newer than this Holdfast knows ({}): run "
            "the version that made it, or a later one",
            path_.string(), std::stoi(text), kFormat));
  }
  return fail(ErrorCode::corrupt, kFolderUnusable,
              fmt::format("{} does not hold a format that Holdfast knows; it should be \"{}\"",
                          (path_ / "format").string(), kFormat));
}

Result<void> DataFolder::finish_setup() {
  if (!fresh_) return {};
  HF_CHECK(write_atomically(path_ / "format", fmt::format("{}\n", kFormat), 0644));
  fresh_ = false;
  return {};
}

}  // namespace holdfast
