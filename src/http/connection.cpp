#include "http/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <utility>

#include "base/log.hpp"
#include "http/loop.hpp"
#include "http/origin.hpp"
#include "http/pieces.hpp"
#include "http/text.hpp"
#include "net/proxy_protocol.hpp"

namespace holdfast::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadBytes = 8UZ * 1024;
constexpr std::size_t kTargetLimitBytes = 16UZ * 1024;
constexpr std::size_t kStreamBytes = 64UZ * 1024;
constexpr std::chrono::seconds kLinger{5};

std::string error_json(std::string_view code, std::string_view message) {
  return fmt::format("{{\"errors\":[{{\"code\":\"{}\",\"message\":\"{}\"}}]}}\n", code, message);
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
  });
}

Request make_request(const Head& head) {
  Request request;
  request.method = head.method;
  request.method_text = head.method_text;
  request.path = head.path;
  request.query = head.query;
  request.fields = head.fields;
  request.content_length = head.content_length;
  request.chunked = head.chunked;
  request.takes_chunks = head.takes_chunks;
  return request;
}

}  // namespace

Connection::Connection(Loop& loop, net::Stream::Socket socket, const Listener& listener,
                       Client peer, bool counted)
    : loop_(loop),
      listener_(listener),
      stream_(std::move(socket), listener.tls.get()),
      peer_(std::move(peer)),
      counted_address_(counted ? peer_.address : std::string()) {
  peer_.secure = listener.tls != nullptr;
}

void Connection::start() {
  watch_.enter(greeted_ ? Watch::Phase::head : Watch::Phase::handshake,
               loop_.shared().options.limits.header_timeout);
  asio::co_spawn(loop_.context(), run(), [this](const std::exception_ptr& thrown, Next next) {
    if (!thrown && next == Next::idle) return park();
    loop_.remove(this);
  });
}

void Connection::park() {
  loop_.give_buffer(std::exchange(buffer_, {}));
  if (loop_.stopping()) return loop_.remove(this);
  watch_.enter(Watch::Phase::idle, loop_.shared().options.limits.idle_timeout);
  stream_.socket().async_wait(net::Stream::Socket::wait_read,
                              [this](const boost::system::error_code& error) {
                                if (error || !stream_.socket().is_open()) return loop_.remove(this);
                                start();
                              });
}

void Connection::tick(std::chrono::steady_clock::time_point now) {
  if (watch_.phase == Watch::Phase::working) return;
  const Limits& limits = loop_.shared().options.limits;
  if (watch_.phase == Watch::Phase::transfer && limits.body_rate > 0 &&
      ++watch_.window_seconds >= limits.body_timeout.count()) {
    const auto seconds = static_cast<std::uint64_t>(std::exchange(watch_.window_seconds, 0));
    const std::uint64_t before = std::exchange(watch_.window_bytes, stream_.moved_bytes());
    if (stream_.moved_bytes() - before < seconds * limits.body_rate) {
      loop_.shared().bodies_timed_out.fetch_add(1, std::memory_order_relaxed);
      return stream_.close();
    }
  }
  if (watch_.phase == Watch::Phase::transfer && watch_.moved_bytes != stream_.moved_bytes()) {
    watch_.moved_bytes = stream_.moved_bytes();
    watch_.deadline = now + loop_.shared().options.limits.body_timeout;
    return;
  }
  if (now < watch_.deadline) return;
  if (watch_.phase == Watch::Phase::transfer) {
    loop_.shared().bodies_timed_out.fetch_add(1, std::memory_order_relaxed);
  }
  // Whoever began a head is told; the read that waits ends with an error.
  if (watch_.phase == Watch::Phase::head && !buffer_.empty() && !timed_out_) {
    timed_out_ = true;
    loop_.shared().heads_timed_out.fetch_add(1, std::memory_order_relaxed);
    watch_.deadline = now + kLinger;
    boost::system::error_code ignored;
    stream_.socket().cancel(ignored);
    return;
  }
  stream_.close();
}

void Connection::retire() {
  if (watch_.phase == Watch::Phase::idle || watch_.phase == Watch::Phase::handshake ||
      (watch_.phase == Watch::Phase::head && buffer_.empty())) {
    stream_.close();
  }
}

asio::awaitable<Connection::Next> Connection::run() {
  if (!greeted_) {
    if (!co_await greet()) co_return Next::end;
    greeted_ = true;
    watch_.enter(Watch::Phase::head, loop_.shared().options.limits.header_timeout);
  }
  if (buffer_.capacity() == 0) buffer_ = loop_.take_buffer();
  while (true) {
    if (const std::optional<Next> ends = co_await read_head()) co_return *ends;
    if (!co_await serve(find_head_end(buffer_).value_or(0))) co_return Next::end;
    watch_.enter(Watch::Phase::head, loop_.shared().options.limits.header_timeout);
  }
}

asio::awaitable<bool> Connection::greet() {
  if (listener_.proxy_protocol && !co_await read_proxy_header()) co_return false;
  if (!stream_.is_tls()) co_return true;
  if (co_await refuse_plain_http()) co_return false;
  if (!co_await stream_.handshake()) {
    loop_.shared().handshakes_failed.fetch_add(1, std::memory_order_relaxed);
    co_return false;
  }
  if (stream_.resumed()) loop_.shared().sessions_resumed.fetch_add(1, std::memory_order_relaxed);
  co_return true;
}

asio::awaitable<bool> Connection::read_proxy_header() {
  if (!is_trusted(loop_.shared().options.trusted_proxies, peer_.address)) {
    log::warn("a PROXY protocol connection from an address that is not in trusted_proxies",
              {{"address", peer_.address}});
    co_return false;
  }
  std::string seen(net::kProxyHeaderLimitBytes, '\0');
  std::size_t last = 0;
  while (true) {
    const auto got = co_await stream_.peek(std::as_writable_bytes(std::span(seen)));
    if (!got || *got == 0) co_return false;
    const auto header = net::parse_proxy_header(std::string_view(seen).substr(0, *got));
    if (!header) co_return false;
    const std::optional<net::ProxyHeader>& found = *header;
    if (found.has_value()) {
      stream_.skip(found->size_bytes);
      if (!found->address.empty()) {
        peer_.address = found->address;
        peer_.port = found->port;
      }
      co_return true;
    }
    // Proxies send the header at once; half of one that does not grow is none.
    if (*got == last || *got == seen.size()) co_return false;
    last = *got;
  }
}

// A TLS connection begins with a handshake record (22). Someone who typed http:// gets a sentence.
asio::awaitable<bool> Connection::refuse_plain_http() {
  std::array<std::byte, 1> first{};
  const auto got = co_await stream_.peek(first);
  if (!got || *got == 0) co_return true;
  if (!is_alphanumeric(static_cast<char>(first[0]))) co_return false;
  constexpr std::string_view kAnswer =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
      "This port speaks TLS: use https://\n";
  (void)::send(stream_.socket().native_handle(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
  stream_.skip(kReadBytes);
  co_return true;
}

// Until a whole head is in the buffer. Gives what comes instead: a pause, or the end.
asio::awaitable<std::optional<Connection::Next>> Connection::read_head() {
  const Limits& limits = loop_.shared().options.limits;
  while (!find_head_end(buffer_)) {
    // What is no HTTP at all (a TLS greeting on the plain port) is told so at once.
    if (!buffer_.empty() && !is_alphanumeric(buffer_.front())) {
      co_await refuse(400, "BAD_REQUEST", "this is not HTTP");
      co_return Next::end;
    }
    if (buffer_.size() >= limits.header_bytes) {
      loop_.shared().heads_refused.fetch_add(1, std::memory_order_relaxed);
      co_await refuse(431, "HEADER_TOO_LARGE", "the request's head is too large");
      co_return Next::end;
    }
    const std::size_t held = buffer_.size();
    buffer_.resize(held + std::min(kReadBytes, limits.header_bytes - held));
    const auto room = std::as_writable_bytes(std::span(buffer_).subspan(held));
    Result<std::size_t> got = std::size_t{0};
    if (held == 0) {
      const auto ready = stream_.try_read(room);
      if (!ready) co_return Next::end;
      const std::optional<std::size_t>& count = *ready;
      if (!count.has_value()) {
        buffer_.clear();
        co_return Next::idle;
      }
      got = *count;
    } else {
      got = co_await stream_.read_some(room);
    }
    buffer_.resize(held + (got ? *got : 0));
    if (timed_out_) {
      co_await refuse(408, "REQUEST_TIMEOUT", "the request's head did not come in time");
      co_return Next::end;
    }
    if (!got || *got == 0) co_return Next::end;
  }
  co_return std::nullopt;
}

// One request whose head is the first bytes of the buffer. False: the connection ends.
asio::awaitable<bool> Connection::serve(std::size_t head_bytes) {
  const Limits& limits = loop_.shared().options.limits;
  const auto began = std::chrono::steady_clock::now();
  const std::string_view all(buffer_);
  auto head = parse_head(all.substr(0, head_bytes));
  if (!head) {
    const bool version = head.error().reason == kVersionUnsupported;
    co_await refuse(version ? 505 : 400, version ? "VERSION_UNSUPPORTED" : "BAD_REQUEST",
                    head.error().message);
    co_return false;
  }
  if (head->target.size() > kTargetLimitBytes) {
    co_await refuse(414, "URI_TOO_LONG", "the request's target is too long");
    co_return false;
  }
  Request request = make_request(*head);
  request.received = SystemClock().now();
  request.client = resolve_client(peer_, request, loop_.shared().options.trusted_proxies);
  if (!head->authority.empty()) request.client.host = head->authority;
  request.id = loop_.next_request_id();
  if (const auto id = request.field("x-request-id");
      id && is_request_id(*id) &&
      is_trusted(loop_.shared().options.trusted_proxies, peer_.address)) {
    request.id = *id;
  }
  RequestBody body(stream_, watch_, limits.body_timeout, *head, all.substr(head_bytes));
  watch_.phase = Watch::Phase::working;
  watch_.window_seconds = 0;
  watch_.window_bytes = stream_.moved_bytes();
  const Response response = co_await answer(request, body);

  // What was not read and is long would cost more than a new connection.
  const bool drainable =
      body.finished() || (!body.unasked() && body.left_bytes() <= limits.drain_bytes);
  const bool ends_itself = response.content_length().has_value() || request.takes_chunks;
  const bool keep =
      head->keep_alive && ends_itself && !response.closes() && !loop_.stopping() && drainable;
  const bool sent = co_await send(request, response, keep);
  if (loop_.shared().options.on_served) {
    loop_.shared().options.on_served(
        {request, response.status(),
         request.method == Method::head ? 0 : response.content_length().value_or(piece_bytes_),
         body.received_bytes(),
         std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               began)});
  }
  if (sent && keep && co_await finish_body(body)) {
    buffer_ = body.rest();
    co_return true;
  }
  // With everything read, closing cannot reset the connection.
  if (sent && body.finished()) stream_.shutdown();
  if (sent && !body.finished()) co_await linger();
  co_return false;
}

asio::awaitable<Response> Connection::answer(Request& request, Body& body) {
  std::string problem;
  try {
    co_return co_await listener_.handler(request, body);
  } catch (const std::exception& bug) {
    problem = bug.what();
  }
  log::error("a request failed by a bug", {{"request", request.id}, {"error", problem}});
  Response response(500);
  response.field("Content-Type", "application/json")
      .text(error_json("UNKNOWN",
                       "internal error; the server's log has it under request " + request.id));
  co_return response;
}

asio::awaitable<bool> Connection::send(const Request& request, const Response& response,
                                       bool keep) {
  std::string head;
  head.reserve(512);
  head += fmt::format("HTTP/1.1 {} {}\r\n", response.status(), reason_phrase(response.status()));
  head += loop_.date_line();
  head.append("X-Request-Id: ").append(request.id).append("\r\n");
  head += response.lines();
  const bool no_body = response.status() == 204 || response.status() == 304;
  const auto* source = std::get_if<SourceBody>(&response.content());
  const auto length = response.content_length();
  if (!no_body && length) head += fmt::format("Content-Length: {}\r\n", *length);
  if (!length && request.takes_chunks) head += "Transfer-Encoding: chunked\r\n";
  head += keep ? "\r\n" : "Connection: close\r\n\r\n";
  const auto* pieces = std::get_if<std::shared_ptr<PieceSource>>(&response.content());
  if (pieces != nullptr && request.method != Method::head)
    co_return co_await send_pieces(request, head, **pieces);
  const During transfer(watch_, Watch::Phase::transfer, loop_.shared().options.limits.body_timeout);
  if (no_body || request.method == Method::head)
    co_return (co_await stream_.write(head)).has_value();
  if (source != nullptr) co_return co_await send_source(head, *source);
  std::string_view text;
  if (const auto* own = std::get_if<std::string>(&response.content())) text = *own;
  if (const auto* other = std::get_if<std::shared_ptr<const std::string>>(&response.content()))
    text = **other;
  co_return (co_await stream_.write(head, text)).has_value();
}

asio::awaitable<bool> Connection::send_source(const std::string& head, const SourceBody& body) {
  if (const auto file = body.source->descriptor()) {
    const auto sent = co_await stream_.send_file(head, *file, body.offset, body.length_bytes);
    if (!sent && sent.error().code == ErrorCode::corrupt) {
      log::error("a download ended early", {{"error", describe(sent.error())}});
    }
    co_return sent.has_value();
  }
  if (!co_await stream_.write(head)) co_return false;
  std::string buffer(std::min<std::uint64_t>(kStreamBytes, body.length_bytes), '\0');
  for (std::uint64_t done = 0; done < body.length_bytes;) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), body.length_bytes - done);
    const auto got = co_await loop_.shared().pool.run([&] {
      return body.source->read_at(body.offset + done,
                                  std::as_writable_bytes(std::span(buffer).first(wanted)));
    });
    if (!got || *got == 0) co_return false;
    if (!co_await stream_.write(std::string_view(buffer).substr(0, *got))) co_return false;
    done += *got;
  }
  co_return true;
}

asio::awaitable<bool> Connection::send_pieces(const Request& request, const std::string& head,
                                              PieceSource& body) {
  std::string text = head;
  piece_bytes_ = 0;
  while (true) {
    if (!text.empty()) {
      const During transfer(watch_, Watch::Phase::transfer,
                            loop_.shared().options.limits.body_timeout);
      if (!co_await stream_.write(text)) co_return false;
    }
    Result<std::optional<std::string>> piece = std::optional<std::string>();
    if (!body.is_endless() || !loop_.stopping()) piece = co_await body.next();
    if (!piece) {
      log::error("an answer ended early",
                 {{"request", request.id}, {"error", describe(piece.error())}});
      co_return false;
    }
    std::optional<std::string>& made = *piece;
    if (!made.has_value()) break;
    text = *std::move(made);
    piece_bytes_ += text.size();
    if (!text.empty() && request.takes_chunks)
      text = fmt::format("{:x}\r\n{}\r\n", text.size(), text);
  }
  co_return !request.takes_chunks || (co_await stream_.write("0\r\n\r\n")).has_value();
}

// Reads the rest of a short body, so that the connection can go on.
asio::awaitable<bool> Connection::finish_body(RequestBody& body) {
  if (body.finished()) co_return true;
  std::array<std::byte, 4096> waste{};
  std::size_t read = 0;
  while (read <= loop_.shared().options.limits.drain_bytes) {
    const auto got = co_await body.read_some(waste);
    if (!got) co_return false;
    if (*got == 0) co_return true;
    read += *got;
  }
  co_return false;
}

asio::awaitable<void> Connection::refuse(int status, std::string_view code, std::string message) {
  const std::string body = error_json(code, message);
  const std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: "
      "close\r\n\r\n",
      status, reason_phrase(status), loop_.date_line(), body.size());
  watch_.enter(Watch::Phase::transfer, kLinger);
  if (co_await stream_.write(head, body)) co_await linger();
}

// Ends our side and reads on for a moment: closing with unread bytes would reset the connection and
// could take the answer from the client's hands.
asio::awaitable<void> Connection::linger() {
  stream_.shutdown();
  watch_.enter(Watch::Phase::handshake, kLinger);  // a fixed deadline, whatever moves
  std::array<std::byte, 16384> waste{};
  while (true) {
    const auto got = co_await stream_.read_some(waste);
    if (!got || *got == 0) co_return;
  }
}

}  // namespace holdfast::http
