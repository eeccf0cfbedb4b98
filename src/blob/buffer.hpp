// Memory for bytes on their way to a store.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace holdfast::blob {

// What direct I/O asks of addresses, offsets and lengths.
inline constexpr std::size_t kAlignmentBytes = 4096;

// Aligned for direct I/O; not filled with zeros.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size_bytes)
      : bytes_(static_cast<std::byte*>(std::aligned_alloc(kAlignmentBytes, size_bytes))),
        size_bytes_(size_bytes) {
    if (!bytes_) throw std::bad_alloc();
  }
  [[nodiscard]] std::span<std::byte> span() { return {bytes_.get(), size_bytes_}; }
  [[nodiscard]] std::size_t size() const { return size_bytes_; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }  // NOLINT: of aligned_alloc
  };
  std::unique_ptr<std::byte, Free> bytes_;
  std::size_t size_bytes_ = 0;
};

}  // namespace holdfast::blob
