// /api_tokens: access tokens. Everybody has their own, administrators have everybody's.
#include <boost/json/object.hpp>
#include <optional>

#include "api/dtr/handlers.hpp"
#include "api/dtr/token_words.hpp"

namespace holdfast::api::dtr {

namespace {

using accounts::AccessToken;

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

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, owner_of(services, call));
  HF_TRY(const Page page, page_of(call));
  HF_TRY(const std::vector<AccessToken> rows,
         services.access_tokens.list(owner.id, page.start, page.size + 1));
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, services.access_tokens.count(owner.id));
  }
  return tokens_response(rows, page, total);
}

Answer create(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  // A stolen one could make itself permanent.
  if (call.caller.access_token) {
    return rest::not_allowed("an access token cannot make others: log in with the password");
  }
  HF_TRY(const accounts::Account owner, owner_of(services, call));
  HF_TRY(const accounts::NewAccessToken wanted, token_wanted(call.fields));
  HF_TRY(const auto made, services.access_tokens.create(owner.name, wanted, call.actor()));
  return rest::json_response(200, shown_once(made));
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
  HF_TRY(const auto change, token_change(call.fields));
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
