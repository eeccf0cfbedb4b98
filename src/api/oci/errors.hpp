// Our errors in OCI's words (distribution-spec 1.1, "Error Codes").
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::api::oci {

// A chunk whose length is not what its Content-Range says: invalid.
inline constexpr std::string_view kSizeInvalid = "size_invalid";

// The one table: (code, reason) to status and OCI code; {"errors":[{code, message, detail}]}, one
// entry per missing digest. What is our own fault is logged and told without its details.
http::Response error_response(const Error& error);

// A response in the same form, for what is no Error.
http::Response error_response(int status, std::string_view code, std::string_view message,
                              std::string_view detail_json = {});

}  // namespace holdfast::api::oci
