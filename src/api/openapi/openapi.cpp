#include "api/openapi/openapi.hpp"

#include <string>

#include "api/openapi/document.hpp"
#include "http/conditional.hpp"

namespace holdfast::api::openapi {

http::Response document_response(const http::Request& request) {
  const bool known = http::matches_etag(request.field("if-none-match").value_or(""), kDocumentTag);
  http::Response response(known ? 304 : 200);
  response.field("ETag", "\"" + std::string(kDocumentTag) + "\"")
      .field("Cache-Control", "no-cache");
  if (known) return response;
  response.field("Content-Type", "application/json").text(std::string(kDocument));
  return response;
}

}  // namespace holdfast::api::openapi
