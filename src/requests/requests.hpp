// HTTP requests of our own to other servers: one at a time, bounded in bytes and time. By libcurl.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace holdfast::requests {

inline constexpr std::string_view kUrlInvalid = "url_invalid";           // invalid
inline constexpr std::string_view kUnreachable = "server_unreachable";   // unavailable
inline constexpr std::string_view kNotTrusted = "server_not_trusted";    // denied: its certificate
inline constexpr std::string_view kTooSlow = "server_too_slow";          // timeout
inline constexpr std::string_view kAnswerTooLarge = "answer_too_large";  // too_large
inline constexpr std::string_view kAnswerBroken = "answer_broken";       // corrupt: no HTTP
inline constexpr std::string_view kStopped = "request_stopped";          // unavailable

// How a server is spoken to.
struct Peer {
  enum class Certificate { checked, anything };
  Certificate certificate = Certificate::checked;
  std::string authority_pem{};  // whom its certificate must come from; "": those of the machine
  // By the server's scheme; "": none. Hosts that need none, by commas.
  std::string http_proxy{};
  std::string https_proxy{};
  std::string no_proxy{};
};

struct Limits {
  std::chrono::milliseconds total{60'000};
  std::chrono::milliseconds connect{10'000};
  std::chrono::seconds stall{30};  // without a byte
  std::size_t answer_bytes = 1UZ << 20U;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string url{};
  Fields fields{};  // neither names nor values have control characters
  std::string body{};
};

struct Answer {
  int status = 0;
  Fields fields{};  // names in small letters; of the first kFieldsAtMost, those that are not long
  std::string body{};

  // The first of a name, or "".
  [[nodiscard]] std::string_view field(std::string_view name) const;
  static constexpr std::size_t kFieldsAtMost = 100;
  static constexpr std::size_t kFieldBytes = 4096;
};

// Whether it is one that requests are made to: http or https, a host, no user, no query and no
// fragment, at most 2048 bytes. invalid/kUrlInvalid.
Result<void> check_url(std::string_view url);

// Any answer, whatever its status; redirects are answers. The sentences of errors name the host,
// never a field. `should_stop` is asked about once a second. Threads: any; blocks.
Result<Answer> send(
    const Request& request, const Peer& peer, const Limits& limits,
    const std::function<bool()>& should_stop = [] { return false; });

}  // namespace holdfast::requests
