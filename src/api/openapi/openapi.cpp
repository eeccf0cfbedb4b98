#include "api/openapi/openapi.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "base/embedded.hpp"
#include "http/conditional.hpp"

namespace holdfast::api::openapi {

extern const std::span<const EmbeddedFile> kFiles;

namespace {

struct Page {
  std::string_view path;
  std::string_view file;
  std::string_view type;
};

constexpr Page kDocument = {"/openapi.json", "openapi.json", "application/json"};
constexpr Page kPages[] = {
    kDocument,
    {"/docs/api", "explorer.html", "text/html; charset=utf-8"},
    {"/docs/explorer.css", "explorer.css", "text/css; charset=utf-8"},
    {"/docs/explorer.js", "explorer.js", "text/javascript; charset=utf-8"},
};

http::Response response_of(const http::Request& request, const Page& page) {
  const EmbeddedFile& file = *std::ranges::find(kFiles, page.file, &EmbeddedFile::name);
  const bool known = http::matches_etag(request.field("if-none-match").value_or(""), file.sha256);
  http::Response response(known ? 304 : 200);
  response.field("ETag", "\"" + std::string(file.sha256) + "\"").field("Cache-Control", "no-cache");
  if (known) return response;
  response.field("Content-Type", std::string(page.type))
      .field("X-Content-Type-Options", "nosniff")
      .field("Referrer-Policy", "no-referrer")
      .field("Content-Security-Policy",
             "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
             "form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
      .text(std::string(file.text));
  return response;
}

}  // namespace

std::optional<http::Response> page(const http::Request& request, std::string_view path) {
  const auto* found = std::ranges::find(kPages, path, &Page::path);
  if (found == std::end(kPages)) return std::nullopt;
  return response_of(request, *found);
}

http::Response document(const http::Request& request) { return response_of(request, kDocument); }

}  // namespace holdfast::api::openapi
