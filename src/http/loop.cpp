#include "http/loop.hpp"

#include <arpa/inet.h>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "http/origin.hpp"

namespace holdfast::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kBuffersKept = 64;
constexpr int kAcceptsAtOnce = 64;

Client peer_of(const sockaddr_storage& storage) {
  Client peer;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(&storage);
    ::inet_ntop(AF_INET, &four->sin_addr, text.data(), text.size());
    peer.port = ntohs(four->sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&storage);
    ::inet_ntop(AF_INET6, &six->sin6_addr, text.data(), text.size());
    peer.port = ntohs(six->sin6_port);
  }
  peer.address = text.data();
  if (peer.address.starts_with("::ffff:") && peer.address.find('.') != std::string::npos) {
    peer.address = peer.address.substr(7);
  }
  return peer;
}

}  // namespace

bool PerAddress::enter(const std::string& address, std::size_t most) {
  if (most == 0) return true;
  const std::lock_guard lock(mutex_);
  std::size_t& open = open_[address];
  if (open >= most) return false;
  ++open;
  return true;
}

void PerAddress::leave(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(address);
  if (found != open_.end() && --found->second == 0) open_.erase(found);
}

struct Loop::Acceptor {
  Acceptor(asio::io_context& context, int socket, const Listener& listener_in)
      : descriptor(context, socket), listener(listener_in) {}
  asio::posix::stream_descriptor descriptor;
  const Listener& listener;
};

Loop::Loop(Shared& shared, std::size_t number)
    : shared_(shared), guard_(asio::make_work_guard(context_)), timer_(context_) {
  SystemRandom random;
  id_prefix_ = random_hex(random, 6) + fmt::format("{:x}", number);
}

Loop::~Loop() = default;

void Loop::add_listener(int socket, const Listener& listener) {
  acceptors_.emplace_back(context_, socket, listener);
}

void Loop::start() {
  for (Acceptor& acceptor : acceptors_) accept(acceptor);
  tick();
  thread_ = std::thread([this] { context_.run(); });
}

void Loop::accept(Acceptor& acceptor) {
  acceptor.descriptor.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [this, &acceptor](const boost::system::error_code& error) {
        if (error) return;
        for (int i = 0; i < kAcceptsAtOnce; ++i) {
          sockaddr_storage storage{};
          socklen_t size = sizeof(storage);
          const int socket =
              ::accept4(acceptor.descriptor.native_handle(), reinterpret_cast<sockaddr*>(&storage),
                        &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
          // Out of descriptors: the second's tick tries again, without spinning until then.
          if (socket < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS)) return;
          if (socket < 0) break;
          take(socket, acceptor.listener);
        }
        accept(acceptor);
      });
}

void Loop::take(int socket, const Listener& listener) {
  shared_.accepted.fetch_add(1, std::memory_order_relaxed);
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  ::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size);
  Client peer = peer_of(storage);
  const Limits& limits = shared_.options.limits;
  // Behind a proxy all come from one address; a unix socket has none.
  const bool counted = limits.connections_per_address > 0 && !peer.address.empty() &&
                       !is_trusted(shared_.options.trusted_proxies, peer.address);
  const bool too_many = shared_.open.load() >= limits.connections;
  const bool address_has_too_many =
      !too_many && counted &&
      !shared_.per_address.enter(peer.address, limits.connections_per_address);
  if (address_has_too_many) shared_.addresses_refused.fetch_add(1, std::memory_order_relaxed);
  if (too_many || address_has_too_many) {
    shared_.refused.fetch_add(1, std::memory_order_relaxed);
    constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n";
    if (!listener.tls) (void)::send(socket, kBusy.data(), kBusy.size(), MSG_NOSIGNAL);
    ::close(socket);
    return;
  }
  const int on = 1;
  if (storage.ss_family != AF_UNIX) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  shared_.open.fetch_add(1);
  const int family = storage.ss_family == AF_UNSPEC ? AF_INET : storage.ss_family;
  net::Stream::Socket wrapped(context_, asio::generic::stream_protocol(family, 0), socket);
  auto connection =
      std::make_unique<Connection>(*this, std::move(wrapped), listener, std::move(peer), counted);
  Connection* raw = connection.get();
  connections_.emplace(raw, std::move(connection));
  raw->start();
}

void Loop::tick() {
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](const boost::system::error_code& error) {
    // A handler that was already due when the loop ended cannot be cancelled any more.
    if (error || (stopping_ && connections_.empty())) return;
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [connection, owned] : connections_) connection->tick(now);
    // A second wait beside a pending one would accept twice: cancel, then begin anew.
    if (!stopping_) {
      for (Acceptor& acceptor : acceptors_) {
        acceptor.descriptor.cancel();
        accept(acceptor);
      }
    }
    tick();
  });
}

void Loop::remove(Connection* connection) {
  if (!connection->counted_address().empty()) {
    shared_.per_address.leave(connection->counted_address());
  }
  connections_.erase(connection);
  shared_.open.fetch_sub(1);
  finish_if_empty();
}

void Loop::finish_if_empty() {
  if (!stopping_ || !connections_.empty()) return;
  timer_.cancel();
  guard_.reset();
}

void Loop::stop_accepting() {
  asio::post(context_, [this] {
    stopping_ = true;
    for (Acceptor& acceptor : acceptors_) acceptor.descriptor.close();
    for (const auto& [connection, owned] : connections_) connection->retire();
    finish_if_empty();
  });
}

void Loop::stop_now() {
  asio::post(context_, [this] {
    for (const auto& [connection, owned] : connections_) connection->close();
  });
}

void Loop::join() {
  if (thread_.joinable()) thread_.join();
}

std::string Loop::next_request_id() { return fmt::format("{}-{:x}", id_prefix_, ++next_id_); }

const std::string& Loop::date_line() {
  const Timestamp now = SystemClock().now();
  const std::int64_t second = to_micros(now) / 1'000'000;
  if (second != date_second_) {
    date_second_ = second;
    date_line_ = "Date: " + http_date(now) + "\r\n";
  }
  return date_line_;
}

std::string Loop::take_buffer() {
  if (buffers_.empty()) return {};
  std::string buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void Loop::give_buffer(std::string buffer) {
  buffer.clear();
  if (buffers_.size() < kBuffersKept) buffers_.push_back(std::move(buffer));
}

}  // namespace holdfast::http
