#include "api/dtr/token_words.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <utility>

#include "base/clock.hpp"

namespace holdfast::api::dtr {

using accounts::AccessToken;
using accounts::TokenScope;

namespace {

constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

boost::json::object shown(const TokenScope& scope) {
  boost::json::array actions;
  if (scope.pull) actions.emplace_back("pull");
  if (scope.push) actions.emplace_back("push");
  if (scope.remove) actions.emplace_back("delete");
  return {{"repository", scope.repository}, {"actions", std::move(actions)}};
}

Error wrong(std::string_view what) {
  return fail(ErrorCode::invalid, rest::kFieldInvalid, std::string(what));
}

Result<TokenScope> scope_entry(const boost::json::value& value) {
  constexpr std::string_view kForm =
      R"("scope" must be a list of {"repository": "namespace/name" or "namespace/*", "actions": )"
      R"(["pull", "push", "delete"]})";
  const boost::json::object* entry = value.if_object();
  const boost::json::value* repository =
      entry == nullptr ? nullptr : entry->if_contains("repository");
  const boost::json::value* actions = entry == nullptr ? nullptr : entry->if_contains("actions");
  if (repository == nullptr || !repository->is_string() || actions == nullptr ||
      !actions->is_array()) {
    return wrong(kForm);
  }
  TokenScope scope{std::string(repository->get_string())};
  for (const boost::json::value& action : actions->get_array()) {
    const std::string_view word = action.is_string() ? std::string_view(action.get_string()) : "";
    if (word != "pull" && word != "push" && word != "delete") return wrong(kForm);
    scope.pull |= word == "pull";
    scope.push |= word == "push";
    scope.remove |= word == "delete";
  }
  return scope;
}

Result<std::vector<TokenScope>> scope_of(const rest::Fields& fields) {
  std::vector<TokenScope> scope;
  const boost::json::value* given = fields.object().if_contains("scope");
  if (given == nullptr || given->is_null()) return scope;
  if (!given->is_array()) return wrong("\"scope\" must be a list");
  // To take it for a token that may do everything would be the opposite of what was meant.
  if (given->get_array().empty()) {
    return wrong("\"scope\" must not be empty: leave it out for all rights of the user");
  }
  for (const boost::json::value& value : given->get_array()) {
    HF_TRY(TokenScope entry, scope_entry(value));
    scope.push_back(std::move(entry));
  }
  return scope;
}

}  // namespace

boost::json::object shown(const AccessToken& token) {
  boost::json::array scope;
  for (const TokenScope& entry : token.scope) scope.emplace_back(shown(entry));
  boost::json::object object = {
      {"hashedToken", token.id},
      {"tokenLabel", token.label},
      {"isActive", token.is_active},
      {"createdAt", rfc3339(token.created_at)},
      {"lastUsed", token.last_used ? rfc3339(*token.last_used) : std::string(kNever)},
      {"generatedBy", name(token.origin)},
      {"creatorUa", token.client},
      {"scope", std::move(scope)}};
  if (token.expires_at) object["expiresAt"] = rfc3339(*token.expires_at);
  return object;
}

boost::json::object shown_once(const accounts::AccessTokens::Created& made) {
  boost::json::object body = {{"token", made.secret}};
  for (auto& [name, value] : shown(made.token)) body.emplace(name, value);
  return body;
}

Result<accounts::NewAccessToken> token_wanted(const rest::Fields& fields) {
  accounts::NewAccessToken wanted;
  HF_TRY(const auto label, fields.text("tokenLabel"));
  HF_TRY(const auto expires_at, fields.text("expiresAt"));
  wanted.label = label.value_or("");
  HF_TRY(wanted.expires_at, moment("expiresAt", expires_at.value_or(""), rest::kFieldInvalid));
  HF_TRY(wanted.scope, scope_of(fields));
  return wanted;
}

Result<accounts::AccessTokenChange> token_change(const rest::Fields& fields) {
  accounts::AccessTokenChange change;
  HF_TRY(change.label, fields.text("tokenLabel"));
  HF_TRY(change.is_active, fields.flag("isActive"));
  return change;
}

http::Response tokens_response(const std::vector<AccessToken>& rows, const Page& page,
                               std::optional<std::int64_t> total) {
  boost::json::array tokens;
  std::string next;
  for (const AccessToken& token : rows) {
    if (static_cast<std::int64_t>(tokens.size()) == page.size) {
      next = token.id;
    } else {
      tokens.emplace_back(shown(token));
    }
  }
  return page_response(tokens, next, total);
}

Result<std::optional<Timestamp>> moment(std::string_view name, const std::string& given,
                                        std::string_view reason) {
  if (given.empty()) return std::optional<Timestamp>();
  const auto when = parse_rfc3339(given);
  if (when) return when;
  return fail(ErrorCode::invalid, reason,
              fmt::format("\"{}\" must be a time such as \"2026-11-24T04:31:30Z\"", name));
}

}  // namespace holdfast::api::dtr
