#include "http/chunked.hpp"

#include <algorithm>
#include <cstring>

#include "http/message.hpp"

namespace holdfast::http {

namespace {

constexpr int kDigitLimit = 15;
constexpr std::size_t kOverheadLimitBytes = 16UZ * 1024;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error malformed() {
  return fail(ErrorCode::invalid, kBodyMalformed, "the chunked body is malformed");
}

}  // namespace

// One byte of framing.
Result<void> ChunkedDecoder::step(char c) {
  switch (state_) {
    case State::size:
      if (const int value = hex_value(c); value >= 0) {
        if (++digits_ > kDigitLimit) return malformed();
        left_bytes_ = left_bytes_ * 16 + static_cast<std::uint64_t>(value);
        return {};
      }
      if (digits_ == 0) return malformed();
      if (c == '\r') {
        state_ = State::size_lf;
      } else if (c == ';' || c == ' ' || c == '\t') {
        state_ = State::extension;
      } else {
        return malformed();
      }
      return {};
    case State::extension:
      if (c == '\n' || ++overhead_bytes_ > kOverheadLimitBytes) return malformed();
      if (c == '\r') state_ = State::size_lf;
      return {};
    case State::size_lf:
      if (c != '\n') return malformed();
      digits_ = 0;
      line_bytes_ = 0;
      state_ = left_bytes_ > 0 ? State::data : State::trailer;
      return {};
    case State::data_cr:
      if (c != '\r') return malformed();
      state_ = State::data_lf;
      return {};
    case State::data_lf:
      if (c != '\n') return malformed();
      state_ = State::size;
      return {};
    case State::trailer:
      if (c == '\n' || ++overhead_bytes_ > kOverheadLimitBytes) return malformed();
      if (c == '\r') {
        state_ = State::trailer_lf;
      } else {
        ++line_bytes_;
      }
      return {};
    case State::trailer_lf:
      if (c != '\n') return malformed();
      state_ = line_bytes_ == 0 ? State::done : State::trailer;
      line_bytes_ = 0;
      return {};
    case State::data:
    case State::done:
      break;
  }
  return malformed();
}

Result<ChunkedDecoder::Decoded> ChunkedDecoder::decode(std::span<std::byte> buffer) {
  Decoded decoded;
  while (decoded.consumed_bytes < buffer.size() && !done()) {
    if (state_ != State::data) {
      HF_CHECK(step(static_cast<char>(buffer[decoded.consumed_bytes])));
      ++decoded.consumed_bytes;
      continue;
    }
    const std::size_t count =
        std::min<std::uint64_t>(left_bytes_, buffer.size() - decoded.consumed_bytes);
    std::memmove(buffer.data() + decoded.payload_bytes, buffer.data() + decoded.consumed_bytes,
                 count);
    decoded.payload_bytes += count;
    decoded.consumed_bytes += count;
    left_bytes_ -= count;
    if (left_bytes_ == 0) state_ = State::data_cr;
  }
  return decoded;
}

}  // namespace holdfast::http
