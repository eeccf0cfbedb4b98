// One connection, plain or TLS, on a non-blocking socket of one loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "net/tls.hpp"

namespace holdfast::net {

inline constexpr std::string_view kConnectionClosed = "connection_closed";  // unavailable
inline constexpr std::string_view kHandshakeFailed = "handshake_failed";    // unavailable

// Belongs to the loop of its socket and is used by that loop's thread alone; one coroutine reads or
// writes at a time. close() may come at any moment on the same thread and ends what waits with
// kConnectionClosed. Writes return when the kernel has the bytes.
class Stream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  // Makes the socket non-blocking. Without `tls` the bytes go as they are.
  Stream(Socket socket, TlsContext* tls);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The TLS handshake; nothing to do on a plain stream.
  boost::asio::awaitable<Result<void>> handshake();
  [[nodiscard]] bool is_tls() const;
  // Whether TLS took up an earlier session by its ticket.
  [[nodiscard]] bool resumed() const;

  // What lies ready, without waiting: a number of bytes (0 when the peer has ended its side), or
  // nothing.
  Result<std::optional<std::size_t>> try_read(std::span<std::byte> into);
  // 1 … into.size() bytes; 0 when the peer has ended its side.
  boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> into);
  // Bytes without decoding and without taking them, as the first look at a connection.
  boost::asio::awaitable<Result<std::size_t>> peek(std::span<std::byte> into);
  // Takes `count` bytes that peek() has seen, before a handshake.
  void skip(std::size_t count);
  // All of both, in one system call when it fits.
  boost::asio::awaitable<Result<void>> write(std::string_view first, std::string_view second = {});
  // A slice of a file: sendfile, or read and encrypted. `head` goes before it.
  boost::asio::awaitable<Result<void>> send_file(std::string_view head, int file,
                                                 std::uint64_t offset, std::uint64_t length_bytes);

  // Goes up with every byte that moves: how a watcher sees that a transfer is alive.
  [[nodiscard]] std::uint64_t moved_bytes() const { return moved_bytes_; }
  Socket& socket() { return socket_; }
  // Says goodbye (TLS close_notify, FIN) without waiting.
  void shutdown();
  void close();

 private:
  boost::asio::awaitable<Result<void>> wait(Socket::wait_type what);
  boost::asio::awaitable<Result<void>> write_tls(std::string_view bytes);
  boost::asio::awaitable<Result<void>> send_file_tls(int file, std::uint64_t offset,
                                                     std::uint64_t length_bytes);

  struct Tls;
  Socket socket_;
  std::uint64_t moved_bytes_ = 0;
  bool wants_write_ = false;  // of the last TLS operation that could not go on
  std::unique_ptr<Tls> tls_;
};

}  // namespace holdfast::net
