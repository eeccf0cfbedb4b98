// One connection and its requests.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "http/body.hpp"
#include "http/head.hpp"
#include "http/message.hpp"
#include "http/server.hpp"
#include "http/watch.hpp"
#include "net/stream.hpp"

namespace holdfast::http {

class PieceSource;
class Loop;

// Owned by its Loop, touched by the loop's thread alone. While requests are served it has a
// coroutine and a buffer; between them neither.
class Connection {
 public:
  // `counted`: the loop counts the connection by its address.
  Connection(Loop& loop, net::Stream::Socket socket, const Listener& listener, Client peer,
             bool counted);
  // The socket's address when the loop counts by it, or empty.
  [[nodiscard]] const std::string& counted_address() const { return counted_address_; }

  // Begins, or goes on after a pause. The loop forgets the connection when it has ended.
  void start();
  // Looks at the deadline.
  void tick(std::chrono::steady_clock::time_point now);
  // The server ends: an idle connection closes, a busy one behind its request.
  void retire();
  // Ends whatever waits for the socket.
  void close() { stream_.close(); }

 private:
  enum class Next { idle, end };

  boost::asio::awaitable<Next> run();
  boost::asio::awaitable<bool> greet();
  boost::asio::awaitable<bool> read_proxy_header();
  boost::asio::awaitable<bool> refuse_plain_http();
  boost::asio::awaitable<std::optional<Next>> read_head();
  boost::asio::awaitable<bool> serve(std::size_t head_bytes);
  boost::asio::awaitable<Response> answer(Request& request, Body& body);
  boost::asio::awaitable<bool> send(const Request& request, const Response& response, bool keep);
  boost::asio::awaitable<bool> send_source(const std::string& head, const SourceBody& body);
  boost::asio::awaitable<bool> send_pieces(const Request& request, const std::string& head,
                                           PieceSource& body);
  boost::asio::awaitable<bool> finish_body(RequestBody& body);
  boost::asio::awaitable<void> refuse(int status, std::string_view code, std::string message);
  boost::asio::awaitable<void> linger();
  void park();

  Loop& loop_;
  const Listener& listener_;
  net::Stream stream_;
  Client peer_;
  const std::string counted_address_;
  Watch watch_;
  std::string buffer_;
  std::uint64_t piece_bytes_ = 0;  // of the last body in pieces
  bool greeted_ = false;
  bool timed_out_ = false;
};

}  // namespace holdfast::http
