// A body that is too large for memory: a file without a name, gone with the object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace holdfast::api::rest {

inline constexpr std::string_view kSpoolFailed = "spool_failed";  // no_space, unavailable

// All calls block. One thread at a time.
class Spool {
 public:
  // Below a folder, on whose file system there must be room.
  static Result<Spool> open(const std::string& folder);
  Spool(Spool&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), size_bytes_(other.size_bytes_) {}
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  Result<void> append(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  // 0 at the end.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  explicit Spool(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
  std::uint64_t size_bytes_ = 0;
};

// Where a file lies in a body: all of it, or of multipart/form-data (RFC 7578) the first part that
// has a file name.
struct SpooledFile {
  std::uint64_t begin = 0;
  std::uint64_t size_bytes = 0;
  std::string name{};
};
// invalid/kBodyNotJson's sibling kFormInvalid: no such part, or one that does not end.
inline constexpr std::string_view kFormInvalid = "form_invalid";
Result<SpooledFile> file_in(const Spool& spool, std::string_view content_type);

}  // namespace holdfast::api::rest
