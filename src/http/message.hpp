// A request as a handler sees it, and the response it gives. HTTP/1.1, RFC 9110 and 9112.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::http {

// Reasons of a body that could not be read.
inline constexpr std::string_view kBodyTooLarge = "body_too_large";   // too_large
inline constexpr std::string_view kBodyMalformed = "body_malformed";  // invalid: bad chunk framing
inline constexpr std::string_view kBodyTruncated =
    "body_truncated";                                             // unavailable: the peer went away
inline constexpr std::string_view kBodyTimeout = "body_timeout";  // timeout

enum class Method { get, head, post, put, patch, del, options, other };

// Who asks and by which address they know us: behind trusted proxies what X-Forwarded-* or the
// PROXY protocol say, otherwise the socket's truth.
struct Client {
  std::string address;  // "192.0.2.7" or "2001:db8::1", no port
  std::uint16_t port = 0;
  bool secure = false;  // the client's side is https
  std::string host;  // authority the client used: "dtr.mydns.com" or "localhost:8443"; may be empty
};

// The head of a request. Views live as long as the handler runs.
class Request {
 public:
  Method method = Method::other;
  std::string_view method_text;
  std::string_view path;   // before '?', still percent-encoded, begins with '/'
  std::string_view query;  // behind '?', still percent-encoded
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  Client client;
  std::string id;  // unique; in the log, in errors, in X-Request-Id
  Timestamp received;
  std::optional<std::uint64_t> content_length;  // nothing: no body, or chunked
  bool chunked = false;
  bool takes_chunks = true;  // the client speaks HTTP/1.1

  // For the access log and the metrics; handlers set them.
  std::string_view route = "other";  // constant text: "oci.manifest"
  std::string user;                  // who it turned out to be; empty for anonymous

  // First value of a field, name compared without case.
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const;
  // Every value of a repeated field, in order.
  [[nodiscard]] std::vector<std::string_view> fields_named(std::string_view name) const;
  [[nodiscard]] bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// The body of a request, read on demand. Reading sends "100 Continue" first when the client waits
// for it. What a handler leaves unread is drained up to a bound, else the connection is closed.
class Body {
 public:
  virtual ~Body() = default;
  // Reads 1 … into.size() bytes; 0 at the end. Large buffers are filled as far as bytes are there.
  virtual boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> into) = 0;
  // Everything, refused with too_large/kBodyTooLarge when longer than `limit_bytes`.
  boost::asio::awaitable<Result<std::string>> read_all(std::size_t limit_bytes);
};

// Bytes that a response sends from storage. Must stay valid while held; used from one thread at a
// time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // A file descriptor for sendfile, or nothing; then read_at is called on the blocking pool.
  [[nodiscard]] virtual std::optional<int> descriptor() const = 0;
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
};

// A slice of a source: the body of a blob download.
struct SourceBody {
  std::shared_ptr<ByteSource> source;
  std::uint64_t offset = 0;
  std::uint64_t length_bytes = 0;
};

class PieceSource;

// A response. Header lines are kept as the text that goes out, so a prepared reply costs a copy.
class Response {
 public:
  Response() = default;
  explicit Response(int status) : status_(status) {}

  [[nodiscard]] int status() const { return status_; }
  // Adds a line. Name and value must not hold CR or LF (values from outside are percent-encoded or
  // parsed types): asserted.
  Response& field(std::string_view name, std::string_view value);
  // Adds ready-made lines, each ended by CRLF.
  Response& raw_fields(std::string_view lines);

  // The body. Content-Length is sent by the server from what is set here.
  Response& text(std::string body);
  Response& shared_text(std::shared_ptr<const std::string> body);
  Response& source(SourceBody body);
  Response& pieces(std::shared_ptr<PieceSource> body);
  // Ask for the connection to be closed after this response.
  Response& close();

  using Content = std::variant<std::monostate, std::string, std::shared_ptr<const std::string>,
                               SourceBody, std::shared_ptr<PieceSource>>;
  [[nodiscard]] const std::string& lines() const { return lines_; }
  [[nodiscard]] const Content& content() const { return content_; }
  // Nothing for a body in pieces.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;
  [[nodiscard]] bool closes() const { return close_; }

 private:
  int status_ = 200;
  bool close_ = false;
  std::string lines_;
  Content content_;
};

// Answers a request. Runs on the connection's loop: it must not block; blocking work goes to the
// async::BlockingPool. Must outlive the server. For HEAD it gives the response that GET would have
// given; the server sends the head alone. An exception becomes a 500 with the request id.
using Handler = std::function<boost::asio::awaitable<Response>(Request&, Body&)>;

// The standard phrase: "Not Found".
std::string_view reason_phrase(int status);

}  // namespace holdfast::http
