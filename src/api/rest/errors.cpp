#include "api/rest/errors.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "accounts/accounts.hpp"
#include "accounts/grants.hpp"
#include "accounts/organizations.hpp"
#include "accounts/teams.hpp"
#include "api/rest/fields.hpp"
#include "base/log.hpp"

namespace holdfast::api::rest {

namespace {

struct Mapped {
  int status;
  std::string_view code;
};

// By reason, where it says more than the code. The codes are DTR's and eNZi's.
constexpr std::array<std::pair<std::string_view, Mapped>, 19> kByReason = {{
    {accounts::kAccountUnknown, {404, "NO_SUCH_ACCOUNT"}},
    {accounts::kMemberUnknown, {404, "NO_SUCH_MEMBER"}},
    {accounts::kTeamUnknown, {404, "NO_SUCH_TEAM"}},
    {accounts::kGrantUnknown, {404, "NO_SUCH_NAMESPACE_TEAM_ACCESS"}},
    {accounts::kAccountExists, {400, "ACCOUNT_EXISTS"}},
    {accounts::kTeamExists, {400, "TEAM_EXISTS"}},
    {accounts::kTeamForeign, {400, "INVALID_PARAMETERS"}},
    {accounts::kAccountNameInvalid, {400, "INVALID_FORM"}},
    {accounts::kPasswordInvalid, {400, "INVALID_FORM"}},
    {accounts::kTextInvalid, {400, "INVALID_FORM"}},
    {accounts::kNotAUser, {400, "INVALID_FORM"}},
    {accounts::kLastAdministrator, {409, "LAST_ADMINISTRATOR"}},
    {accounts::kNamespaceInUse, {409, "ACCOUNT_HAS_REPOSITORIES"}},
    {kBodyNotJson, {400, "INVALID_JSON"}},
    {kFieldInvalid, {400, "INVALID_FORM"}},
    {kRouteUnknown, {404, "NOT_FOUND"}},
    {kMethodUnknown, {405, "NOT_ALLOWED"}},
    {kNotImplemented, {501, "NOT_IMPLEMENTED"}},
    {http::kBodyTooLarge, {413, "INVALID_PARAMETERS"}},
}};

Mapped by_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return {404, "NOT_FOUND"};
    case ErrorCode::already_exists:
    case ErrorCode::conflict:
      return {409, "CONFLICT"};
    case ErrorCode::invalid:
    case ErrorCode::out_of_range:
      return {400, "INVALID_PARAMETERS"};
    case ErrorCode::unauthenticated:
      return {401, "NOT_AUTHENTICATED"};
    case ErrorCode::denied:
    case ErrorCode::quota:
      return {403, "NOT_AUTHORIZED"};
    case ErrorCode::rate_limited:
      return {429, "TOO_MANY_REQUESTS"};
    case ErrorCode::too_large:
      return {413, "INVALID_PARAMETERS"};
    case ErrorCode::no_space:
      return {507, "UNAVAILABLE"};
    case ErrorCode::read_only:
    case ErrorCode::unsupported:
      return {405, "NOT_ALLOWED"};
    case ErrorCode::unavailable:
      return {503, "UNAVAILABLE"};
    case ErrorCode::timeout:
      return {408, "UNAVAILABLE"};
    case ErrorCode::corrupt:
    case ErrorCode::internal:
      return {500, "INTERNAL_ERROR"};
  }
  return {500, "INTERNAL_ERROR"};
}

Mapped map(const Error& error) {
  for (const auto& [reason, mapped] : kByReason) {
    if (reason == error.reason) return mapped;
  }
  return by_code(error.code);
}

}  // namespace

http::Response error_response(const Error& error) {
  namespace json = boost::json;
  const Mapped mapped = map(error);
  json::object entry = {{"code", mapped.code}, {"message", error.message}};
  if (mapped.status == 500) {
    log::error("a request failed", {{"error", describe(error)}});
    entry["message"] = "internal error; the server's log says more";
  } else if (error.details.size() == 1) {
    entry["detail"] = error.details.front();
  } else if (!error.details.empty()) {
    entry["detail"] = json::array(error.details.begin(), error.details.end());
  }
  http::Response response(mapped.status);
  response.field("Content-Type", "application/json")
      .text(json::serialize(json::object{{"errors", json::array{std::move(entry)}}}) + "\n");
  if (error.code == ErrorCode::rate_limited && !error.details.empty()) {
    response.field("Retry-After", error.details.front());
  } else if (mapped.status == 503) {
    response.field("Retry-After", "1");
  }
  // Not Basic: a browser would ask for a password in a window of its own.
  if (mapped.status == 401) response.field("WWW-Authenticate", "Bearer realm=\"holdfast\"");
  return response;
}

}  // namespace holdfast::api::rest
