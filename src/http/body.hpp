// The body of a request on a connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/chunked.hpp"
#include "http/head.hpp"
#include "http/message.hpp"
#include "http/watch.hpp"
#include "net/stream.hpp"

namespace holdfast::http {

// Reads what came with the head first, then the socket straight into the caller's buffer.
class RequestBody final : public Body {
 public:
  // `prefix` (what followed the head in the buffer) must stay valid.
  RequestBody(net::Stream& stream, Watch& watch, std::chrono::seconds timeout, const Head& head,
              std::string_view prefix);

  boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> into) override;

  // Whether all of it was read.
  [[nodiscard]] bool finished() const { return chunked_ ? decoder_.done() : left_bytes_ == 0; }
  // Whether it could not be read to its end: the connection cannot go on.
  [[nodiscard]] bool broken() const { return broken_; }
  // Whether the client still waits for "100 Continue" and so has sent nothing.
  [[nodiscard]] bool unasked() const { return continue_owed_; }
  // What is certainly left to read.
  [[nodiscard]] std::uint64_t left_bytes() const { return left_bytes_; }
  [[nodiscard]] std::uint64_t received_bytes() const { return received_bytes_; }
  // Bytes behind the body: the next request of a client that does not wait.
  [[nodiscard]] std::string rest() const { return rest_ + std::string(prefix_); }

 private:
  boost::asio::awaitable<Result<std::size_t>> decode_some(std::span<std::byte> into);
  boost::asio::awaitable<Result<std::size_t>> fill(std::span<std::byte> into);

  net::Stream& stream_;
  Watch& watch_;
  const std::chrono::seconds timeout_;
  std::string_view prefix_;
  std::string rest_;
  bool chunked_;
  bool continue_owed_;
  bool broken_ = false;       // an error came: nothing more is read
  std::uint64_t left_bytes_;  // of a body with Content-Length
  std::uint64_t received_bytes_ = 0;
  ChunkedDecoder decoder_;
};

}  // namespace holdfast::http
