// The members of a tar that is not compressed, by their headers alone: nothing is unpacked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "scan/target.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scan {

// A regular file that is read only; links are not followed.
class InputFile {
 public:
  // unavailable/kTargetUnreadable.
  static Result<std::shared_ptr<InputFile>> open(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  // 0 at the end. unavailable/kTargetUnreadable.
  Result<std::size_t> read_at(std::uint64_t at, std::span<std::byte> into) const;

 private:
  InputFile(int descriptor, std::uint64_t size_bytes, std::string path)
      : descriptor_(descriptor), size_bytes_(size_bytes), path_(std::move(path)) {}
  int descriptor_;
  std::uint64_t size_bytes_;
  std::string path_;
};

// A part of a file.
worker::Source source_of(std::shared_ptr<const InputFile> file, std::uint64_t at,
                         std::uint64_t size_bytes);

class TarFile {
 public:
  // unsupported/kTargetUnsupported for what is compressed, with what to do; corrupt/kTargetBroken
  // for what is no tar, is cut off, or has more than 100,000 members.
  static Result<std::shared_ptr<TarFile>> open(const std::filesystem::path& path);

  [[nodiscard]] bool has(std::string_view name) const;
  // By its name without a leading "./". corrupt/kTargetBroken when there is none.
  [[nodiscard]] Result<worker::Source> read(std::string_view name) const;

 private:
  struct Member {
    std::uint64_t at = 0;
    std::uint64_t size_bytes = 0;
    std::string link;  // another member; "": none
  };
  class Headers;

  explicit TarFile(std::shared_ptr<const InputFile> file) : file_(std::move(file)) {}
  [[nodiscard]] const Member* find(std::string_view name) const;

  std::shared_ptr<const InputFile> file_;
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace holdfast::scan
