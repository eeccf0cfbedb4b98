// /holdfast/organizations/{organization}/serviceAccounts: what automation of an organization logs
// in as, and its tokens. For owners and administrators. DTR has nothing like it: the path is ours.
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "api/dtr/handlers.hpp"
#include "api/dtr/token_words.hpp"
#include "base/clock.hpp"

namespace holdfast::api::dtr {

namespace {

using accounts::AccessToken;
using accounts::Account;

Result<Account> find_home(const Services& services, const Call& call) {
  HF_TRY(Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_owner(call, organization));
  return organization;
}

Result<Account> find_one(const Services& services, const Call& call) {
  HF_TRY(const Account organization, find_home(services, call));
  return services.service_accounts.find(organization, call.parameters[1]);
}

// The token that the path names, of the service account that it names.
Result<AccessToken> find_token(const Services& services, const Call& call) {
  HF_TRY(const Account account, find_one(services, call));
  HF_TRY(AccessToken token, services.access_tokens.find(call.parameters[2]));
  if (token.account_id == account.id) return token;
  return fail(ErrorCode::not_found, accounts::kAccessTokenUnknown, "there is no such access token");
}

boost::json::object shown_account(const Account& account) {
  return {{"id", account.uuid},
          {"name", account.name},
          {"description", account.full_name},
          {"isActive", account.is_active},
          {"createdAt", rfc3339(account.created_at)}};
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const Account organization, find_home(services, call));
  HF_TRY(const Page page, page_of(call));
  return page_in_steps(
      services, page, "{\"serviceAccounts\":[", "]}", std::nullopt,
      [&services, organization](const std::string& start, std::int64_t limit) {
        return services.service_accounts.list(organization, start, limit);
      },
      [](const Account& account) { return account.name; },
      [](const std::vector<Account>& rows) -> Result<boost::json::array> {
        boost::json::array shown;
        for (const Account& account : rows) shown.emplace_back(shown_account(account));
        return shown;
      });
}

Answer create(const Services& services, const Call& call) {
  HF_TRY(const Account organization, find_home(services, call));
  HF_TRY(const std::string name, call.fields.required_text("name"));
  HF_TRY(const auto description, call.fields.text("description"));
  HF_TRY(const Account made, services.service_accounts.create(
                                 organization.name, name, description.value_or(""), call.actor()));
  return rest::json_response(201, shown_account(made));
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const Account account, find_one(services, call));
  return rest::json_response(200, shown_account(account));
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(const Account account, find_one(services, call));
  accounts::AccountChange change;
  HF_TRY(change.full_name, call.fields.text("description"));
  HF_TRY(change.is_active, call.fields.flag("isActive"));
  HF_TRY(const Account changed, services.accounts.update(account.name, change, call.actor()));
  return rest::json_response(200, shown_account(changed));
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const Account account, find_one(services, call));
  HF_CHECK(services.accounts.remove(account.name, call.actor()));
  return http::Response(204);
}

Answer list_tokens(const Services& services, const Call& call) {
  HF_TRY(const Account account, find_one(services, call));
  HF_TRY(const Page page, page_of(call));
  HF_TRY(const std::vector<AccessToken> rows,
         services.access_tokens.list(account.id, page.start, page.size + 1));
  return tokens_response(rows, page, std::nullopt);
}

Answer create_token(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  // A stolen one could make others that outlive it.
  if (call.caller.access_token) {
    return rest::not_allowed("an access token cannot make others: log in with the password");
  }
  HF_TRY(const Account account, find_one(services, call));
  HF_TRY(const accounts::NewAccessToken wanted, token_wanted(call.fields));
  HF_TRY(const auto made, services.access_tokens.create(account.name, wanted, call.actor()));
  return rest::json_response(201, shown_once(made));
}

Answer get_token(const Services& services, const Call& call) {
  HF_TRY(const AccessToken token, find_token(services, call));
  return rest::json_response(200, shown(token));
}

Answer update_token(const Services& services, const Call& call) {
  HF_TRY(const AccessToken token, find_token(services, call));
  HF_TRY(const auto change, token_change(call.fields));
  HF_TRY(const AccessToken changed, services.access_tokens.update(token.id, change, call.actor()));
  return rest::json_response(200, shown(changed));
}

Answer remove_token(const Services& services, const Call& call) {
  HF_TRY(const AccessToken token, find_token(services, call));
  HF_CHECK(services.access_tokens.remove(token.id, call.actor()));
  return http::Response(204);
}

}  // namespace

std::vector<rest::Route> service_account_routes(const Services& services) {
  using http::Method;
  // What was stolen is taken away at any time.
  constexpr auto kServed = rest::WhileReadOnly::served;
  constexpr std::string_view kAll = "/holdfast/organizations/{organization}/serviceAccounts";
  constexpr std::string_view kOne = "/holdfast/organizations/{organization}/serviceAccounts/{name}";
  constexpr std::string_view kTokens =
      "/holdfast/organizations/{organization}/serviceAccounts/{name}/tokens";
  constexpr std::string_view kToken =
      "/holdfast/organizations/{organization}/serviceAccounts/{name}/tokens/{token}";
  return {
      {Method::get, kAll, bound(services, list)},
      {Method::post, kAll, bound(services, create)},
      {Method::get, kOne, bound(services, get)},
      {Method::patch, kOne, bound(services, update), kServed},
      {Method::del, kOne, bound(services, remove), kServed},
      {Method::get, kTokens, bound(services, list_tokens)},
      {Method::post, kTokens, bound(services, create_token)},
      {Method::get, kToken, bound(services, get_token)},
      {Method::patch, kToken, bound(services, update_token), kServed},
      {Method::del, kToken, bound(services, remove_token), kServed},
  };
}

}  // namespace holdfast::api::dtr
