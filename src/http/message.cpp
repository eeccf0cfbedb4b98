#include "http/message.hpp"

#include <algorithm>
#include <cassert>

#include "http/text.hpp"

namespace holdfast::http {

std::optional<std::string_view> Request::field(std::string_view name) const {
  for (const auto& [known, value] : fields) {
    if (equal_ignoring_case(known, name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Request::fields_named(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [known, value] : fields) {
    if (equal_ignoring_case(known, name)) values.push_back(value);
  }
  return values;
}

boost::asio::awaitable<Result<std::string>> Body::read_all(std::size_t limit_bytes) {
  constexpr std::size_t kStepBytes = 16UZ * 1024;
  std::string all;
  while (true) {
    const std::size_t held = all.size();
    // One byte more than the limit is enough to know.
    const std::size_t room = std::min(kStepBytes, limit_bytes + 1 - held);
    all.resize(held + room);
    auto got = co_await read_some(std::as_writable_bytes(std::span(all).subspan(held)));
    if (!got) co_return std::move(got).error();
    all.resize(held + *got);
    if (*got == 0) co_return all;
    if (all.size() > limit_bytes) {
      co_return fail(ErrorCode::too_large, kBodyTooLarge, "the request's body is too large");
    }
  }
}

Response& Response::field(std::string_view name, std::string_view value) {
  assert(value.find_first_of("\r\n") == std::string_view::npos);
  lines_.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

Response& Response::raw_fields(std::string_view lines) {
  assert(lines.empty() || lines.ends_with("\r\n"));
  lines_ += lines;
  return *this;
}

Response& Response::text(std::string body) {
  content_ = std::move(body);
  return *this;
}

Response& Response::shared_text(std::shared_ptr<const std::string> body) {
  content_ = std::move(body);
  return *this;
}

Response& Response::source(SourceBody body) {
  content_ = std::move(body);
  return *this;
}

Response& Response::pieces(std::shared_ptr<PieceSource> body) {
  content_ = std::move(body);
  return *this;
}

Response& Response::close() {
  close_ = true;
  return *this;
}

std::optional<std::uint64_t> Response::content_length() const {
  if (const auto* text = std::get_if<std::string>(&content_)) return text->size();
  if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&content_)) {
    return (*shared)->size();
  }
  if (const auto* source = std::get_if<SourceBody>(&content_)) return source->length_bytes;
  if (std::holds_alternative<std::shared_ptr<PieceSource>>(content_)) return std::nullopt;
  return 0;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

}  // namespace holdfast::http
