// A zip file in memory (APPNOTE.TXT 6.3): the central directory, and entries that are stored or
// deflated. What a stranger made may claim anything: all is checked against the bytes at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace holdfast::detect {

inline constexpr std::string_view kZipInvalid = "zip_invalid";          // corrupt
inline constexpr std::string_view kZipTooLarge = "zip_too_large";       // too_large
inline constexpr std::string_view kZipUnsupported = "zip_unsupported";  // unsupported

// One file in it. The name is a view into the zip's bytes, as written.
struct ZipEntry {
  std::string_view name;
  std::uint16_t method = 0;
  bool is_encrypted = false;
  std::uint64_t packed_bytes = 0;
  std::uint64_t unpacked_bytes = 0;  // as it claims
  std::uint64_t offset = 0;          // of its header, within the zip's bytes
};

class Zip {
 public:
  // Reads the directory. Bytes before the first entry (a shell script) are skipped. The views stay
  // valid as long as `bytes`. corrupt/kZipInvalid: no directory, one that is cut off, or entries
  // that share bytes; too_large/kZipTooLarge: more than kEntries.
  static Result<Zip> open(std::string_view bytes);

  [[nodiscard]] std::span<const ZipEntry> entries() const { return entries_; }

  // The content of an entry. What is unpacked is taken off `bytes_left`, also when it fails.
  // too_large/kZipTooLarge: it is larger than `at_most` or what is left, or unpacks to more than
  // kRatio times its size (beyond the first MiB); corrupt/kZipInvalid;
  // unsupported/kZipUnsupported: encrypted, or another method.
  [[nodiscard]] Result<std::string> read(const ZipEntry& entry, std::uint64_t at_most,
                                         std::uint64_t& bytes_left) const;

  // The content of an entry that is stored, where it lies; empty for every other.
  [[nodiscard]] std::string_view stored(const ZipEntry& entry) const;

  static constexpr std::size_t kEntries = 100'000;
  static constexpr std::uint64_t kRatio = 200;

 private:
  // What lies in the file for an entry, packed as it is.
  [[nodiscard]] Result<std::string_view> packed(const ZipEntry& entry) const;

  std::string_view bytes_;
  std::vector<ZipEntry> entries_;
};

// Unpacks zlib (`is_raw` false) or bare deflate, up to `at_most` bytes: too_large/kZipTooLarge
// beyond, corrupt/kZipInvalid for what is none or is cut off. `expected` bytes are reserved at
// once, as far as they are allowed.
Result<std::string> inflate_all(std::string_view packed, bool is_raw, std::uint64_t at_most,
                                std::uint64_t expected = 0);

}  // namespace holdfast::detect
