// Our errors in the words of DTR and eNZi: {"errors":[{"code":…,"message":…,"detail":…}]}.
#pragma once

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::api::rest {

// Reasons of this module.
inline constexpr std::string_view kRouteUnknown = "route_unknown";            // not_found
inline constexpr std::string_view kMethodUnknown = "method_unknown";          // unsupported
inline constexpr std::string_view kLoginNeeded = "login_needed";              // unauthenticated
inline constexpr std::string_view kNotAllowed = "not_allowed";                // denied
inline constexpr std::string_view kVisibilityInvalid = "visibility_invalid";  // invalid
inline constexpr std::string_view kQueryInvalid = "query_invalid";            // invalid
inline constexpr std::string_view kLoginRefused = "login_refused";            // unauthenticated

// `detail` is there only when the error has details. A 500 tells nothing but its request's id,
// which the log has too.
http::Response error_response(const Error& error);

}  // namespace holdfast::api::rest
