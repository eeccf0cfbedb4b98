#include "scan/folder_tar.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>

#include "scan/tar_file.hpp"
#include "scan/target.hpp"

namespace holdfast::scan {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 512;
constexpr std::size_t kRemarks = 20;
constexpr std::size_t kNameField = 100;
constexpr std::uint64_t kOctalSize = 1ULL << 33U;  // eleven octal digits

void put(std::string& block, std::size_t at, std::string_view text) {
  block.replace(at, text.size(), text);
}

std::string header(std::string_view name, char kind, std::uint64_t size, std::string_view link) {
  std::string block(kBlock, '\0');
  put(block, 0, name.substr(0, kNameField));
  put(block, 100, "0000644");
  put(block, 108, "0000000");
  put(block, 116, "0000000");
  put(block, 124, fmt::format("{:011o}", size < kOctalSize ? size : 0));
  put(block, 136, "00000000000");
  block[156] = kind;
  put(block, 157, link.substr(0, kNameField));
  put(block, 257, std::string_view("ustar\00000", 8));
  unsigned sum = 8 * ' ';
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(block, 148, fmt::format("{:06o}", sum));
  block[155] = ' ';
  return block;
}

std::string padding(std::uint64_t size) {
  return std::string(static_cast<std::size_t>((kBlock - size % kBlock) % kBlock), '\0');
}

// "LENGTH KEY=VALUE\n", with its own length in it.
std::string record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + fmt::formatted_size("{}", length) != length) {
    length = rest + fmt::formatted_size("{}", length);
  }
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string headers(std::string_view name, char kind, std::uint64_t size, std::string_view link) {
  std::string more;
  if (name.size() > kNameField) more += record("path", name);
  if (link.size() > kNameField) more += record("linkpath", link);
  if (size >= kOctalSize) more += record("size", fmt::format("{}", size));
  std::string out;
  if (!more.empty()) {
    out = header("pax", 'x', more.size(), "") + more + padding(more.size());
  }
  return out + header(name, kind, size, link);
}

class Walk final : public FolderTar {
 public:
  Walk(fs::path folder, dev_t device) : folder_(std::move(folder)), device_(device) {}

  Result<void> begin() {
    std::error_code problem;
    list("", problem);
    if (!problem) return {};
    return fail(ErrorCode::unavailable, kTargetUnreadable,
                fmt::format("{} cannot be read: {}", folder_.string(), problem.message()));
  }

  std::size_t read(std::span<std::byte> into) override {
    while (pending_.empty() && left_ == 0) {
      if (at_end_) return 0;
      if (waiting_.empty()) {
        pending_.assign(2 * kBlock, '\0');
        at_end_ = true;
        finish_remarks();
      } else {
        const std::string next = std::move(waiting_.front());
        waiting_.pop_front();
        visit(next);
      }
    }
    if (pending_.empty()) return read_file(into);
    const std::size_t size = std::min(into.size(), pending_.size());
    std::memcpy(into.data(), pending_.data(), size);
    pending_.erase(0, size);
    return size;
  }

  [[nodiscard]] const std::vector<std::string>& remarks() const override { return remarks_; }

 private:
  void list(const std::string& name, std::error_code& problem) {
    std::vector<std::string> names;
    fs::directory_iterator entries(folder_ / name, problem);
    while (!problem && entries != fs::directory_iterator()) {
      names.push_back((name.empty() ? "" : name + "/") + entries->path().filename().string());
      entries.increment(problem);
    }
    std::ranges::sort(names);
    waiting_.insert(waiting_.begin(), names.begin(), names.end());
  }

  void visit(const std::string& name) {
    struct stat status{};
    const fs::path path = folder_ / name;
    if (::lstat(path.c_str(), &status) != 0) return left_out(name, std::strerror(errno));
    if (S_ISDIR(status.st_mode)) return visit_folder(name, status);
    if (S_ISLNK(status.st_mode)) {
      std::error_code problem;
      const fs::path to = fs::read_symlink(path, problem);
      if (problem) return left_out(name, problem.message());
      pending_ = headers(name, '2', 0, to.string());
    } else if (S_ISREG(status.st_mode)) {
      auto file = InputFile::open(path);
      if (!file) return left_out(name, file.error().message);
      file_ = *std::move(file);
      name_ = name;
      at_ = 0;
      size_ = left_ = file_->size_bytes();
      pending_ = headers(name, '0', size_, "");
    }
  }

  void visit_folder(const std::string& name, const struct stat& status) {
    if (status.st_dev != device_) return;
    std::error_code problem;
    list(name, problem);
    if (problem) return left_out(name, problem.message());
    pending_ = headers(name + "/", '5', 0, "");
  }

  // As many bytes as its header says, whatever happens to the file meanwhile.
  std::size_t read_file(std::span<std::byte> into) {
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_)));
    const auto got = file_->read_at(at_, into);
    std::size_t size = got ? *got : 0;
    if (size == 0) {
      if (!is_short_) left_out(name_, "it changed while it was read");
      is_short_ = true;
      std::ranges::fill(into, std::byte{0});
      size = into.size();
    }
    at_ += size;
    left_ -= size;
    if (left_ == 0) {
      pending_ = padding(size_);
      is_short_ = false;
      file_.reset();
    }
    return size;
  }

  void left_out(const std::string& name, std::string_view why) {
    if (++left_out_ <= kRemarks) remarks_.push_back(fmt::format("{}: {}", name, why));
  }

  void finish_remarks() {
    if (left_out_ > kRemarks) {
      remarks_.push_back(fmt::format("and {} more", left_out_ - kRemarks));
    }
  }

  const fs::path folder_;
  const dev_t device_;
  std::deque<std::string> waiting_;  // names below the folder
  std::string pending_;              // headers and padding
  std::shared_ptr<InputFile> file_;
  std::string name_;
  std::uint64_t at_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t left_ = 0;
  bool is_short_ = false;
  bool at_end_ = false;
  std::size_t left_out_ = 0;
  std::vector<std::string> remarks_;
};

}  // namespace

Result<std::shared_ptr<FolderTar>> FolderTar::open(const std::filesystem::path& folder) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) {
    return fail(ErrorCode::unavailable, kTargetUnreadable,
                fmt::format("{} cannot be read: {}", folder.string(), std::strerror(errno)));
  }
  auto walk = std::make_shared<Walk>(folder, status.st_dev);
  HF_CHECK(walk->begin());
  return std::shared_ptr<FolderTar>(std::move(walk));
}

}  // namespace holdfast::scan
