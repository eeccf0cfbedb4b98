// The chunked transfer coding, decoded in place (RFC 9112 section 7.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::http {

// Fed with whatever came from the socket; takes the framing out. Strict: CRLF only, sizes of at
// most 15 hex digits, extensions and trailers bounded and dropped.
class ChunkedDecoder {
 public:
  struct Decoded {
    std::size_t consumed_bytes = 0;  // of the input; less than all only behind the last chunk
    std::size_t payload_bytes = 0;   // moved to the front of the buffer
  };
  // Decodes `buffer` in place. invalid/kBodyMalformed.
  Result<Decoded> decode(std::span<std::byte> buffer);
  // Whether the last chunk and its trailers have gone by.
  [[nodiscard]] bool done() const { return state_ == State::done; }

 private:
  enum class State { size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf, done };
  Result<void> step(char c);

  State state_ = State::size;
  std::uint64_t left_bytes_ = 0;  // of the chunk
  int digits_ = 0;
  std::size_t overhead_bytes_ = 0;  // of extensions and trailers
  std::size_t line_bytes_ = 0;      // of the trailer line
};

}  // namespace holdfast::http
