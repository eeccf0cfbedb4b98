// The description of the API, and the page that explains it and tries it out.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.hpp"

namespace holdfast::api::openapi {

// /openapi.json, /docs/api and what that page loads; nothing for any other path. 200 with an ETag,
// or 304 when If-None-Match names it. Public: it says nothing of this installation. From any
// thread.
std::optional<http::Response> page(const http::Request& request, std::string_view path);

// What /openapi.json answers, for a path that is elsewhere.
http::Response document(const http::Request& request);

}  // namespace holdfast::api::openapi
