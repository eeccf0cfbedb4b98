#include "http/head.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/text.hpp"

namespace holdfast::http {

namespace {

constexpr std::size_t kFieldLimit = 200;

Error malformed(std::string message) {
  return fail(ErrorCode::invalid, kHeadMalformed, std::move(message));
}

bool is_token_char(char c) {
  return is_alphanumeric(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

// Visible ASCII, blanks and obs-text; no control characters.
bool is_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

Method method_of(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Method>, 7> kMethods = {{
      {"GET", Method::get},
      {"HEAD", Method::head},
      {"POST", Method::post},
      {"PUT", Method::put},
      {"PATCH", Method::patch},
      {"DELETE", Method::del},
      {"OPTIONS", Method::options},
  }};
  for (const auto& [name, method] : kMethods) {
    if (name == text) return method;
  }
  return Method::other;
}

Result<void> parse_target(Head& head) {
  std::string_view target = head.target;
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (target.empty() || !std::ranges::all_of(target, printable)) {
    return malformed("the request's target holds characters that must be percent-encoded");
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t slash = std::min(target.find_first_of("/?"), target.size());
    head.authority = target.substr(0, slash);
    target.remove_prefix(slash);
    if (head.authority.empty()) return malformed("the request's target has no host");
    if (target.empty()) target = "/";
  }
  if (!target.starts_with('/') && !(target == "*" && head.method == Method::options)) {
    return malformed("the request's target must be a path");
  }
  const std::size_t mark = target.find('?');
  head.path = target.substr(0, mark);
  head.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  return {};
}

Result<void> parse_request_line(std::string_view line, Head& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == last) return malformed("the request line is not METHOD TARGET VERSION");
  head.method_text = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(head.method_text)) return malformed("the method is no token");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return fail(ErrorCode::unsupported, kVersionUnsupported, "this server speaks HTTP/1.1");
  }
  head.takes_chunks = version == "HTTP/1.1";
  head.keep_alive = head.takes_chunks;
  head.method = method_of(head.method_text);
  return parse_target(head);
}

Result<void> take_content_length(std::string_view value, Head& head) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
    return malformed("Content-Length is no number");
  }
  // Even equal ones: who made two was not sure where the body ends (RFC 9112 section 6.3 allows
  // it).
  if (head.content_length) return malformed("a request has one Content-Length field at most");
  head.content_length = length;
  return {};
}

void take_connection(std::string_view value, Head& head) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = trimmed(value.substr(0, comma));
    if (equal_ignoring_case(option, "close")) head.keep_alive = false;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

}  // namespace

std::optional<std::size_t> find_head_end(std::string_view bytes) {
  const std::size_t at = bytes.find("\r\n\r\n");
  if (at == std::string_view::npos) return std::nullopt;
  return at + 4;
}

Result<Head> parse_head(std::string_view bytes) {
  Head head;
  const auto next_line = [&] {
    const std::size_t end = bytes.find("\r\n");
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end, bytes.size() - 2) + 2);
    return line;
  };
  HF_CHECK(parse_request_line(next_line(), head));
  int hosts = 0;
  bool http10 = !head.keep_alive;
  for (std::string_view line = next_line(); !line.empty(); line = next_line()) {
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, std::min(colon, line.size()));
    if (colon == std::string_view::npos || !is_token(name))
      return malformed("a header field has no proper name");
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!is_value(value)) return malformed("a header field holds control characters");
    if (head.fields.size() == kFieldLimit)
      return malformed("there are more than 200 header fields");
    head.fields.emplace_back(name, value);
    if (equal_ignoring_case(name, "content-length")) HF_CHECK(take_content_length(value, head));
    if (equal_ignoring_case(name, "transfer-encoding")) {
      if (head.chunked || http10 || !equal_ignoring_case(value, "chunked")) {
        return malformed("the only transfer coding is chunked, once, over HTTP/1.1");
      }
      head.chunked = true;
    }
    if (equal_ignoring_case(name, "connection")) take_connection(value, head);
    if (equal_ignoring_case(name, "host")) ++hosts;
    if (equal_ignoring_case(name, "expect")) {
      head.expects_continue = equal_ignoring_case(value, "100-continue") && !http10;
    }
    if (bytes.empty()) break;
  }
  if (head.chunked && head.content_length) {
    return malformed("a request has Content-Length or Transfer-Encoding, not both");
  }
  if (hosts > 1 || (hosts == 0 && !http10))
    return malformed("a request has exactly one Host field");
  return head;
}

}  // namespace holdfast::http
