// The description of the API that tools/openapi makes of openapi/ when the server is built.
#pragma once

#include <string_view>

namespace holdfast::api::openapi {

extern const std::string_view kDocument;     // JSON
extern const std::string_view kDocumentTag;  // its SHA-256 in hex

}  // namespace holdfast::api::openapi
