// One HTTPS connection to a server, for one request at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::client {

inline constexpr std::string_view kUnreachable = "unreachable";   // unavailable
inline constexpr std::string_view kUntrusted = "untrusted";       // unavailable: its certificate
inline constexpr std::string_view kHostInvalid = "host_invalid";  // invalid
inline constexpr std::string_view kCaInvalid = "ca_invalid";      // invalid: no certificate in it

struct Server {
  std::string host;
  std::string port;

  // "dtr.mydns.com:443": what logins are kept under.
  [[nodiscard]] std::string text() const;
};
// "HOST", "HOST:PORT", "[::1]:PORT", also behind "https://". invalid/kHostInvalid.
Result<Server> parse_server(std::string_view text);

struct Trust {
  std::string ca_pem;    // these alone; empty: those of the system
  bool anybody = false;  // --insecure
};

struct Answer {
  int status = 0;
  std::string body;
  std::string next_page;  // X-Next-Page-Start
};

// An answer whose body is read piece by piece. While it lives, its connection does nothing else.
class Download {
 public:
  virtual ~Download() = default;
  int status = 0;
  std::string content_type;
  std::string challenge;  // WWW-Authenticate

  // 0 at the end. unavailable/kUnreachable.
  virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

// Gives the next bytes of what is sent; 0 at the end.
using Upload = std::function<Result<std::size_t>(std::span<std::byte> into)>;

// Not safe for two threads. Waits for at most a minute for each step.
class Connection {
 public:
  // Does not connect yet. invalid/kCaInvalid.
  static Result<std::unique_ptr<Connection>> make(Server server, const Trust& trust);
  virtual ~Connection() = default;

  // `method` in capitals; `authorization` empty: as nobody; `body` empty: none.
  // unavailable/kUnreachable, unavailable/kUntrusted.
  virtual Result<Answer> request(std::string_view method, const std::string& target,
                                 const std::string& authorization, std::string body) = 0;
  // A GET of any size. `accept` empty: anything.
  virtual Result<std::unique_ptr<Download>> get(const std::string& target,
                                                const std::string& authorization,
                                                const std::string& accept) = 0;
  // A PUT of any size, in chunks. An error of `upload` ends the connection and is returned.
  virtual Result<Answer> put(const std::string& target, const std::string& authorization,
                             const Upload& upload) = 0;
};

// "Basic …"
std::string basic(std::string_view user, std::string_view secret);

}  // namespace holdfast::client
