// Our errors in the words of DTR and eNZi: {"errors":[{"code":…,"message":…,"detail":…}]}.
#pragma once

#include <boost/json/object.hpp>

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::api::rest {

// Reasons of this module.
inline constexpr std::string_view kRouteUnknown = "route_unknown";               // not_found
inline constexpr std::string_view kMethodUnknown = "method_unknown";             // unsupported
inline constexpr std::string_view kNotBuilt = "not_built";                       // unsupported: 501
inline constexpr std::string_view kLoginNeeded = "login_needed";                 // unauthenticated
inline constexpr std::string_view kNotAllowed = "not_allowed";                   // denied
inline constexpr std::string_view kVisibilityInvalid = "visibility_invalid";     // invalid
inline constexpr std::string_view kUserSettingInvalid = "user_setting_invalid";  // invalid
inline constexpr std::string_view kQueryInvalid = "query_invalid";               // invalid
inline constexpr std::string_view kLoginRefused = "login_refused";               // unauthenticated

// One entry of "errors": what a list of outcomes has for each of its own.
boost::json::object error_entry(const Error& error);
// `detail` is there only when the error has details. A 500 tells nothing but its request's id,
// which the log has too.
http::Response error_response(const Error& error);

}  // namespace holdfast::api::rest
