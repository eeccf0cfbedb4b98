// Conditional requests and content negotiation (RFC 9110 sections 12 and 13).
#pragma once

#include <string_view>
#include <vector>

namespace holdfast::http {

// Whether an If-None-Match field names the entity tag (given without quotes): quoted, weak, bare
// (as some clients send digests), in a list, or "*".
bool matches_etag(std::string_view field, std::string_view tag);

// Whether the Accept fields of a request allow a media type. None at all allows everything; weights
// are ignored but for q=0.
bool accepts(const std::vector<std::string_view>& fields, std::string_view media_type);

}  // namespace holdfast::http
