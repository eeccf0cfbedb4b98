#include "http/body.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace holdfast::http {

namespace asio = boost::asio;

RequestBody::RequestBody(net::Stream& stream, Watch& watch, std::chrono::seconds timeout,
                         const Head& head, std::string_view prefix)
    : stream_(stream),
      watch_(watch),
      timeout_(timeout),
      prefix_(prefix),
      chunked_(head.chunked),
      continue_owed_(head.expects_continue && prefix.empty() &&
                     (head.chunked || head.content_length.value_or(0) > 0)),
      left_bytes_(head.content_length.value_or(0)) {}

// Raw bytes: what lies in the buffer, or what the socket gives.
asio::awaitable<Result<std::size_t>> RequestBody::fill(std::span<std::byte> into) {
  if (!prefix_.empty()) {
    const std::size_t count = std::min(prefix_.size(), into.size());
    std::memcpy(into.data(), prefix_.data(), count);
    prefix_.remove_prefix(count);
    co_return count;
  }
  const During transfer(watch_, Watch::Phase::transfer, timeout_);
  if (std::exchange(continue_owed_, false)) {
    HF_CO_CHECK(co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  auto got = co_await stream_.read_some(into);
  if (got && *got > 0) co_return *got;
  co_return fail(ErrorCode::unavailable, kBodyTruncated,
                 "the client went away in the middle of the body");
}

asio::awaitable<Result<std::size_t>> RequestBody::read_some(std::span<std::byte> into) {
  if (broken_) co_return fail(ErrorCode::unavailable, kBodyTruncated, "the body ended early");
  auto got = co_await decode_some(into);
  broken_ = !got;
  co_return got;
}

asio::awaitable<Result<std::size_t>> RequestBody::decode_some(std::span<std::byte> into) {
  if (finished()) co_return std::size_t{0};
  if (!chunked_) {
    HF_CO_TRY(const std::size_t got,
              co_await fill(into.first(std::min<std::uint64_t>(into.size(), left_bytes_))));
    left_bytes_ -= got;
    received_bytes_ += got;
    co_return got;
  }
  while (!finished()) {
    HF_CO_TRY(const std::size_t got, co_await fill(into));
    HF_CO_TRY(const ChunkedDecoder::Decoded decoded, decoder_.decode(into.first(got)));
    if (decoded.consumed_bytes < got) {
      const auto behind = into.subspan(decoded.consumed_bytes, got - decoded.consumed_bytes);
      rest_.assign(reinterpret_cast<const char*>(behind.data()), behind.size());
    }
    received_bytes_ += decoded.payload_bytes;
    if (decoded.payload_bytes > 0) co_return decoded.payload_bytes;
  }
  co_return std::size_t{0};
}

}  // namespace holdfast::http
