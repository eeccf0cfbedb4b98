// The HTTP/1.1 server: listeners, connections, limits, graceful end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/pool.hpp"
#include "base/result.hpp"
#include "http/message.hpp"
#include "net/address.hpp"
#include "net/tls.hpp"

namespace holdfast::http {

// What a connection may cost. Each has a metric by its name.
struct Limits {
  std::size_t header_bytes = 64UZ * 1024;
  std::size_t connections = 20'000;
  std::size_t connections_per_address = 0;  // by the socket, trusted proxies apart; 0: no limit
  std::chrono::seconds header_timeout{20};  // first byte of a head to its end
  std::chrono::seconds idle_timeout{75};    // between requests
  std::chrono::seconds body_timeout{60};    // without a single byte arriving or leaving
  std::uint64_t body_rate = 0;              // bytes a second at least, over each body_timeout
  std::size_t drain_bytes = 256UZ * 1024;   // of an unread body before the connection is closed
};

// One place to listen.
struct Listener {
  net::Endpoint endpoint;                // port 0: any free one; or a unix socket
  std::shared_ptr<net::TlsContext> tls;  // nothing: plain
  bool proxy_protocol = false;           // PROXY v1/v2 from trusted proxies comes first
  Handler handler;
};

// What the access log and the metrics get of each finished request.
struct Served {
  const Request& request;
  int status;
  std::uint64_t sent_bytes;
  std::uint64_t received_bytes;
  std::chrono::microseconds duration;
};

// Numbers for /metrics, at any moment.
struct Counters {
  std::uint64_t connections_open = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t addresses_refused = 0;  // of these, by connections_per_address
  std::uint64_t heads_refused = 0;      // longer than header_bytes
  std::uint64_t heads_timed_out = 0;
  std::uint64_t bodies_timed_out = 0;  // too slow, or stuck
  std::uint64_t tls_handshakes_failed = 0;
  std::uint64_t tls_sessions_resumed = 0;
};

struct Options {
  std::vector<Listener> listeners;
  Limits limits;
  std::vector<net::Network> trusted_proxies;
  std::size_t threads = 0;                       // 0: one per core
  std::function<void(const Served&)> on_served;  // called on the loops; must be quick; may be empty
};

// Threads: start() and stop() from one thread, the rest from any.
class Server {
 public:
  // Binds every listener and starts the loops. Fails (unavailable, message names the address and
  // says "in use" or "permission denied") before anything serves.
  static Result<std::unique_ptr<Server>> start(Options options, async::BlockingPool& pool);
  virtual ~Server() = default;

  // Where listener `index` listens now (the real port).
  [[nodiscard]] virtual net::Endpoint bound(std::size_t index) const = 0;
  [[nodiscard]] virtual Counters counters() const = 0;

  // Stops accepting, lets requests under way end for at most `grace`, closes the rest, joins.
  virtual void stop(std::chrono::seconds grace) = 0;
};

}  // namespace holdfast::http
