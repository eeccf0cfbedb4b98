#include "api/rest/call.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>
#include <fmt/format.h>

#include "api/common/session_credential.hpp"

namespace holdfast::api::rest {

Result<std::int64_t> Call::number(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                  std::int64_t most) const {
  const std::string_view given = query.value(name).value_or("");
  if (given.empty()) return otherwise;
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(given.data(), given.data() + given.size(), number);
  if (problem != std::errc() || end != given.data() + given.size() || number < least ||
      number > most) {
    return fail(ErrorCode::invalid, kQueryInvalid,
                fmt::format("\"{}\" must be a number from {} to {}", name, least, most));
  }
  return number;
}

std::string Call::text(std::string_view name) const {
  return std::string(query.value(name).value_or(""));
}

Result<void> need_login(const Call& call) {
  if (!call.caller.is_anonymous()) return {};
  return fail(ErrorCode::unauthenticated, kLoginNeeded, "log in first");
}

Result<void> need_administrator(const Call& call) {
  HF_CHECK(need_login(call));
  if (call.subject().is_administrator) return {};
  return not_allowed("only an administrator may do this");
}

Result<void> need_settled(const Caller& caller) {
  if (caller.session.empty() || !caller.subject->must_change_password) return {};
  return fail(ErrorCode::denied, kPasswordChangeNeeded,
              fmt::format("change your password first: POST /enzi/v0/accounts/{}/changePassword "
                          "with oldPassword and newPassword",
                          caller.subject->name));
}

Error not_allowed(std::string_view what) {
  return fail(ErrorCode::denied, kNotAllowed, std::string(what));
}

http::Response json_response(int status, const boost::json::value& body) {
  http::Response response(status);
  response.field("Content-Type", "application/json")
      .field("Cache-Control", "no-store")
      .text(boost::json::serialize(body) + "\n");
  return response;
}

}  // namespace holdfast::api::rest
