// One open file, and the calls that may fail on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::blob::fs {

// Owns a descriptor. errno becomes an Error: ENOENT not_found, ENOSPC and EDQUOT (and EFBIG)
// no_space, the rest unavailable.
class File {
 public:
  enum class Mode { read, create, modify };
  static Result<File> open(const std::filesystem::path& path, Mode mode);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  Result<std::uint64_t> size_bytes() const;
  Result<Timestamp> modified() const;
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const;
  // A second way to the same file that goes past the page cache: addresses, offsets and lengths
  // must be multiples of kAlignmentBytes. Not every file system has it.
  Result<File> open_direct() const;
  // All of it or an error; what of it was written is then unknown.
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  Result<void> truncate(std::uint64_t size_bytes);
  // The bytes and the length survive a power cut.
  Result<void> sync();

 private:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// What a folder lists survives a power cut.
Result<void> sync_folder(const std::filesystem::path& folder);
// The Error of errno.
Error error_of(int code, const char* what, const std::filesystem::path& path);

}  // namespace holdfast::blob::fs
