// The session that a request comes with: its token as Bearer, or the cookie of a browser.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::api {

inline constexpr std::string_view kCsrfWrong = "csrf_wrong";                         // denied
inline constexpr std::string_view kPasswordChangeNeeded = "password_change_needed";  // denied

inline constexpr std::string_view kSessionCookie = "session";
inline constexpr std::string_view kCsrfCookie = "csrftoken";

struct SessionCredential {
  std::string_view token;  // of the request; not looked at yet
  enum class From { bearer, cookie } from = From::bearer;
};

// Nothing when the request has another credential, or none. A cookie counts only when nothing else
// is given: whoever sends Authorization or refresh_token means that.
std::optional<SessionCredential> session_credential(const http::Request& request);

// A browser sends its cookies whichever page makes it ask; a page of ours alone can read csrftoken
// and send it as X-Csrf-Token. Asked of every method but GET and HEAD when the credential is a
// cookie; denied/kCsrfWrong.
Result<void> check_csrf(const http::Request& request, const SessionCredential& credential);

// The value of a cookie, the first of its name.
std::optional<std::string_view> cookie(const http::Request& request, std::string_view name);

}  // namespace holdfast::api
