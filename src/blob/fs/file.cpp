#include "blob/fs/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "blob/store.hpp"

namespace holdfast::blob::fs {

Error error_of(int code, const char* what, const std::filesystem::path& path) {
  std::string message =
      fmt::format("cannot {} {}: {}", what, path.string(), std::generic_category().message(code));
  switch (code) {
    case ENOENT:
      return fail(ErrorCode::not_found, kBlobMissing, std::move(message));
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return fail(ErrorCode::no_space, kStorageFull, std::move(message));
    default:
      return fail(ErrorCode::unavailable, kStorageBroken, std::move(message));
  }
}

Result<File> File::open(const std::filesystem::path& path, Mode mode) {
  int flags = O_CLOEXEC;
  if (mode == Mode::read) flags |= O_RDONLY;
  if (mode == Mode::create) flags |= O_RDWR | O_CREAT | O_EXCL;
  if (mode == Mode::modify) flags |= O_RDWR;
  const int descriptor = ::open(path.c_str(), flags, 0640);
  if (descriptor < 0) return error_of(errno, "open", path);
  return File(descriptor);
}

Result<File> File::open_direct() const {
  const std::string path = fmt::format("/proc/self/fd/{}", descriptor_);
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
  if (descriptor < 0) return error_of(errno, "open without the page cache", "a blob");
  return File(descriptor);
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Result<std::uint64_t> File::size_bytes() const {
  struct stat info{};
  if (::fstat(descriptor_, &info) != 0) return error_of(errno, "stat", "a blob");
  return static_cast<std::uint64_t>(info.st_size);
}

Result<Timestamp> File::modified() const {
  struct stat info{};
  if (::fstat(descriptor_, &info) != 0) return error_of(errno, "stat", "a blob");
  return Timestamp{std::chrono::seconds{info.st_mtim.tv_sec} +
                   std::chrono::microseconds{info.st_mtim.tv_nsec / 1000}};
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  while (true) {
    const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return error_of(errno, "read", "a blob");
  }
}

Result<void> File::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return error_of(errno, "write", "a blob");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<void> File::truncate(std::uint64_t size_bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size_bytes)) != 0) {
    return error_of(errno, "truncate", "a blob");
  }
  return {};
}

Result<void> File::sync() {
  if (::fdatasync(descriptor_) != 0) return error_of(errno, "sync", "a blob");
  return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return error_of(errno, "open", folder);
  const int result = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  if (result != 0) return error_of(code, "sync", folder);
  return {};
}

}  // namespace holdfast::blob::fs
