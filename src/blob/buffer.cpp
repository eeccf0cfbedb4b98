#include "blob/buffer.hpp"

#include <cstdlib>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <vector>

namespace holdfast::blob {

namespace {

constexpr std::size_t kSparesKept = 6;  // what one fast upload uses

// Large buffers that were given back: the kernel would clear their pages anew for each. They come
// from the kernel itself, since the heap would not give their memory back to it.
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
    void* pages =
        ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return static_cast<std::byte*>(pages);
  }
  auto* bytes = static_cast<std::byte*>(std::aligned_alloc(kAlignmentBytes, size_bytes));
  if (bytes == nullptr) throw std::bad_alloc();
  return bytes;
}

}  // namespace

Buffer::Buffer(std::size_t size_bytes) : bytes_(take(size_bytes), GiveBack(size_bytes)) {}

void Buffer::GiveBack::operator()(std::byte* bytes) const {
  if (size_bytes != kLargeBytes) return std::free(bytes);  // NOLINT: of aligned_alloc
  {
    const std::lock_guard lock(spares().mutex);
    if (spares().free.size() < kSparesKept) return spares().free.push_back(bytes);
  }
  ::munmap(bytes, size_bytes);
}

}  // namespace holdfast::blob
