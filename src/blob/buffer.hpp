// Memory for bytes on their way to the disk.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace holdfast::blob {

// What direct I/O asks of addresses, offsets and lengths.
inline constexpr std::size_t kAlignmentBytes = 4096;

// Aligned for direct I/O; not filled with zeros. A few of kLargeBytes are kept for the next.
class Buffer {
 public:
  static constexpr std::size_t kLargeBytes = 1024UZ * 1024;

  Buffer() = default;
  explicit Buffer(std::size_t size_bytes);  // a multiple of kAlignmentBytes
  [[nodiscard]] std::span<std::byte> span() { return {bytes_.get(), size()}; }
  [[nodiscard]] std::size_t size() const { return bytes_ ? bytes_.get_deleter().size_bytes : 0; }

 private:
  struct GiveBack {
    GiveBack() : size_bytes(0) {}
    explicit GiveBack(std::size_t size) : size_bytes(size) {}
    std::size_t size_bytes;
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte, GiveBack> bytes_;
};

}  // namespace holdfast::blob
