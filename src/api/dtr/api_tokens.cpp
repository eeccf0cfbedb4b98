// /api_tokens: access tokens. Everybody has their own, administrators have everybody's.
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "api/dtr/handlers.hpp"
#include "base/clock.hpp"

namespace holdfast::api::dtr {

namespace {

using accounts::AccessToken;
using accounts::TokenScope;

constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

boost::json::object shown(const TokenScope& scope) {
  boost::json::array actions;
  if (scope.pull) actions.emplace_back("pull");
  if (scope.push) actions.emplace_back("push");
  if (scope.remove) actions.emplace_back("delete");
  return {{"repository", scope.repository}, {"actions", std::move(actions)}};
}

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

Error wrong(std::string_view what) {
  return fail(ErrorCode::invalid, rest::kFieldInvalid, std::string(what));
}

Error unknown() {
  return fail(ErrorCode::not_found, accounts::kAccessTokenUnknown, "there is no such access token");
}

// Whose tokens a request is about: `username`, or the caller. Whether there is another of that name
// is for administrators.
Result<accounts::Account> owner_of(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  const std::string name = call.text("username");
  if (name.empty() || name == call.subject().name) {
    return services.accounts.find(call.subject().account_id);
  }
  if (!call.subject().is_administrator) {
    return rest::not_allowed("only an administrator may see or change the tokens of others");
  }
  return rest::find_user(services.accounts, call, name);
}

// The token that the path names. One of somebody else is not there.
Result<AccessToken> token_of(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(AccessToken token, services.access_tokens.find(call.parameters[0]));
  if (token.account_id == call.subject().account_id || call.subject().is_administrator) {
    return token;
  }
  return unknown();
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

Result<std::optional<Timestamp>> moment(std::string_view name, const std::string& given,
                                        std::string_view reason) {
  if (given.empty()) return std::optional<Timestamp>();
  const auto when = parse_rfc3339(given);
  if (when) return when;
  return fail(ErrorCode::invalid, reason,
              fmt::format("\"{}\" must be a time such as \"2026-11-24T04:31:30Z\"", name));
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, owner_of(services, call));
  HF_TRY(const Page page, page_of(call));
  HF_TRY(const std::vector<AccessToken> rows,
         services.access_tokens.list(owner.id, page.start, page.size + 1));
  boost::json::array tokens;
  std::string next;
  for (const AccessToken& token : rows) {
    if (static_cast<std::int64_t>(tokens.size()) == page.size) {
      next = token.id;
    } else {
      tokens.emplace_back(shown(token));
    }
  }
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, services.access_tokens.count(owner.id));
  }
  return page_response(tokens, next, total);
}

Answer create(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  // A stolen one could make itself permanent.
  if (call.caller.access_token) {
    return rest::not_allowed("an access token cannot make others: log in with the password");
  }
  HF_TRY(const accounts::Account owner, owner_of(services, call));
  accounts::NewAccessToken wanted;
  HF_TRY(const auto label, call.fields.text("tokenLabel"));
  HF_TRY(const auto expires_at, call.fields.text("expiresAt"));
  wanted.label = label.value_or("");
  HF_TRY(wanted.expires_at, moment("expiresAt", expires_at.value_or(""), rest::kFieldInvalid));
  HF_TRY(wanted.scope, scope_of(call.fields));
  HF_TRY(const auto made, services.access_tokens.create(owner.name, wanted, call.actor()));
  boost::json::object body = {{"token", made.secret}};
  for (auto& [name, value] : shown(made.token)) body.emplace(name, value);
  return rest::json_response(200, body);
}

Answer remove_all(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, owner_of(services, call));
  const std::string by = call.text("generatedby");
  const auto origin = accounts::parse_token_origin(by.empty() ? "auto" : by);
  if (!origin) {
    return fail(ErrorCode::invalid, rest::kQueryInvalid, "\"generatedby\" must be auto or manual");
  }
  HF_TRY(const auto before, moment("usedbefore", call.text("usedbefore"), rest::kQueryInvalid));
  HF_TRY(const std::int64_t removed,
         services.access_tokens.remove_all(owner.id, *origin, before, call.actor()));
  return rest::json_response(200, boost::json::object{{"removed", removed}});
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const AccessToken token, token_of(services, call));
  return rest::json_response(200, shown(token));
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(const AccessToken token, token_of(services, call));
  accounts::AccessTokenChange change;
  HF_TRY(change.label, call.fields.text("tokenLabel"));
  HF_TRY(change.is_active, call.fields.flag("isActive"));
  HF_TRY(const AccessToken changed, services.access_tokens.update(token.id, change, call.actor()));
  return rest::json_response(200, shown(changed));
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const AccessToken token, token_of(services, call));
  HF_CHECK(services.access_tokens.remove(token.id, call.actor()));
  return rest::json_response(200, boost::json::object{});
}

}  // namespace

std::vector<rest::Route> api_token_routes(const Services& services) {
  using http::Method;
  // What was stolen is taken away at any time.
  constexpr auto kServed = rest::WhileReadOnly::served;
  return {
      {Method::get, "/api_tokens", bound(services, list)},
      {Method::post, "/api_tokens", bound(services, create)},
      {Method::del, "/api_tokens", bound(services, remove_all), kServed},
      {Method::get, "/api_tokens/{token}", bound(services, get)},
      {Method::patch, "/api_tokens/{token}", bound(services, update), kServed},
      {Method::del, "/api_tokens/{token}", bound(services, remove), kServed},
  };
}

}  // namespace holdfast::api::dtr
