// Serves the description of the API.
#pragma once

#include "http/message.hpp"

namespace holdfast::api::openapi {

// 200 with the document and its ETag, or 304 when If-None-Match names it. Public. From any thread.
http::Response document_response(const http::Request& request);

}  // namespace holdfast::api::openapi
