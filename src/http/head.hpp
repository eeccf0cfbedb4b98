// The head of a request, parsed strictly (RFC 9112).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::http {

inline constexpr std::string_view kHeadMalformed = "head_malformed";     // invalid
inline constexpr std::string_view kVersionUnsupported = "http_version";  // unsupported

// Views into the bytes that were parsed.
struct Head {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;
  std::string_view path;
  std::string_view query;
  std::string_view authority;  // of an absolute target; else empty: the Host field counts
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool takes_chunks = true;  // HTTP/1.1
  bool expects_continue = false;
};

// Where the head ends (behind its empty line), or nothing when more bytes are needed.
std::optional<std::size_t> find_head_end(std::string_view bytes);

// `bytes` is a whole head with its empty line. Refused: bare LF, control characters, blanks before
// a colon, folded lines, Content-Length beside Transfer-Encoding, differing or malformed
// Content-Length, a transfer coding that is not chunked alone, HTTP/1.1 without exactly one Host.
Result<Head> parse_head(std::string_view bytes);

}  // namespace holdfast::http
