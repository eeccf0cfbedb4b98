#include "api/common/session_credential.hpp"

#include "accounts/sessions.hpp"
#include "crypto/secret.hpp"
#include "http/text.hpp"

namespace holdfast::api {

namespace {

constexpr std::string_view kBearer = "Bearer ";

// A client may send several Authorization fields, of which one is good.
std::optional<std::string_view> session_bearer(const http::Request& request) {
  for (const std::string_view field : request.fields_named("authorization")) {
    if (!http::equal_ignoring_case(field.substr(0, kBearer.size()), kBearer)) continue;
    const std::string_view token = http::trimmed(field.substr(kBearer.size()));
    if (accounts::is_session_token(token)) return token;
  }
  return std::nullopt;
}

bool has_refresh_token(std::string_view query) {
  constexpr std::string_view kName = "refresh_token=";
  return query.starts_with(kName) || query.find("&refresh_token=") != std::string_view::npos;
}

}  // namespace

std::optional<SessionCredential> session_credential(const http::Request& request) {
  if (request.field("authorization")) {
    const auto bearer = session_bearer(request);
    if (!bearer) return std::nullopt;
    return SessionCredential{*bearer, SessionCredential::From::bearer};
  }
  const auto token = cookie(request, kSessionCookie);
  if (!token || token->empty() || has_refresh_token(request.query)) return std::nullopt;
  return SessionCredential{*token, SessionCredential::From::cookie};
}

Result<void> check_csrf(const http::Request& request, const SessionCredential& credential) {
  if (credential.from != SessionCredential::From::cookie || request.method == http::Method::get ||
      request.method == http::Method::head) {
    return {};
  }
  const std::string_view given = request.field("x-csrf-token").value_or("");
  if (crypto::equal_constant_time(given, accounts::csrf_token_of(credential.token))) return {};
  return fail(ErrorCode::denied, kCsrfWrong,
              "a change by cookie needs the field X-Csrf-Token with the value of the cookie "
              "csrftoken");
}

std::optional<std::string_view> cookie(const http::Request& request, std::string_view name) {
  for (std::string_view field : request.fields_named("cookie")) {
    while (!field.empty()) {
      const std::size_t end = field.find(';');
      const std::string_view pair = http::trimmed(field.substr(0, end));
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
        return pair.substr(name.size() + 1);
      }
      field = end == std::string_view::npos ? std::string_view() : field.substr(end + 1);
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::api
