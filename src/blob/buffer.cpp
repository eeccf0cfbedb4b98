#include "blob/buffer.hpp"

#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

namespace holdfast::blob {

namespace {

constexpr std::size_t kSparesKept = 4;

// Large buffers that were given back: the kernel would clear their pages anew for each.
struct Spares {
  std::mutex mutex;
  std::vector<std::byte*> free;
};

Spares& spares() {
  static auto* const all = new Spares;  // outlives whatever ends late
  return *all;
}

std::byte* take(std::size_t size_bytes) {
  if (size_bytes == Buffer::kLargeBytes) {
    const std::lock_guard lock(spares().mutex);
    if (!spares().free.empty()) {
      std::byte* bytes = spares().free.back();
      spares().free.pop_back();
      return bytes;
    }
  }
  auto* bytes = static_cast<std::byte*>(std::aligned_alloc(kAlignmentBytes, size_bytes));
  if (bytes == nullptr) throw std::bad_alloc();
  return bytes;
}

}  // namespace

Buffer::Buffer(std::size_t size_bytes) : bytes_(take(size_bytes), GiveBack(size_bytes)) {}

void Buffer::GiveBack::operator()(std::byte* bytes) const {
  if (size_bytes == kLargeBytes) {
    const std::lock_guard lock(spares().mutex);
    if (spares().free.size() < kSparesKept) return spares().free.push_back(bytes);
  }
  std::free(bytes);  // NOLINT: of aligned_alloc
}

}  // namespace holdfast::blob
