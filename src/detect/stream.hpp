// Archives as strangers send them: unpacked while they are read, with bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::detect {

inline constexpr std::string_view kUnreadable = "scan_unreadable";  // corrupt: no such archive
inline constexpr std::string_view kTooLarge = "scan_too_large";     // too_large

// Gives the next bytes, up to into.size(); 0 at the end.
using Pull = std::function<Result<std::size_t>(std::span<std::byte> into)>;

// A member of an archive. Views live until the next one.
struct Member {
  enum class Kind { file, folder, symlink, hard_link, device, other };
  std::string_view name;  // as it is written
  Kind kind = Kind::other;
  std::string_view target{};    // of links, as it is written
  bool is_null_device = false;  // a character device 0/0: overlayfs's whiteout
};

// One archive, read once from front to back. One thread. Never throws for what is in it.
class ArchiveReader {
 public:
  enum class Kind {
    layer,    // tar, plain or compressed by gzip or zstd
    records,  // zip, or such a tar (by xz, too), or one file, compressed or not
  };
  // `unpacked_bytes`: more than this ends it with too_large/kTooLarge.
  static Result<std::unique_ptr<ArchiveReader>> open(Kind kind, Pull pull,
                                                     std::uint64_t unpacked_bytes);
  virtual ~ArchiveReader() = default;

  // The next member; false: there is none. corrupt/kUnreadable, too_large/kTooLarge, and what
  // `pull` gives.
  virtual Result<bool> next(Member& member) = 0;
  // The next bytes of the present member's content, in order, gaps of sparse files as zeros; empty:
  // its end. At most kPieceBytes at once.
  virtual Result<std::string_view> piece() = 0;
  // Reads what follows the last member, so that the hash is of everything.
  virtual Result<void> drain() = 0;
  // Of a layer: what was unpacked, and its hash in hex once everything was read.
  [[nodiscard]] virtual std::uint64_t unpacked_bytes() const = 0;
  [[nodiscard]] virtual std::string sha256() const = 0;

  static constexpr std::size_t kPieceBytes = 256UZ << 10U;
};

}  // namespace holdfast::detect
