// What DTR has of accounts beside eNZi: /accounts/{account} with its repositories and settings; and
// /admin/settings/registry, where storage is.
#include <boost/json/object.hpp>
#include <iterator>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

constexpr std::string_view kOwnAccount = "own_account";
constexpr std::string_view kStorage =
    "where blobs are stored is decided by the server's configuration (data_dir), not by the API";

// Each repository in a transaction of its own, so that pushes go on between them. What is left
// after an error goes when it is asked for again.
Result<void> remove_repositories(const Services& services, const Call& call,
                                 const accounts::Account& owner) {
  constexpr std::int64_t kStep = 100;
  while (true) {
    HF_TRY(const auto rows, services.repositories.page(
                                {.visible = {.all = true}, .ns = owner.name, .limit = kStep}));
    for (const repos::Repository& repository : rows) {
      const auto gone = services.repositories.remove(repository.name, call.actor());
      if (!gone && gone.error().reason != repos::kRepositoryUnknown) return gone.error();
    }
    // Not until there is none: whoever made new ones all the time would hold this up for ever.
    if (std::ssize(rows) < kStep) return {};
  }
}

Answer remove_all_repositories(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const accounts::Account owner,
         rest::find_account(services.accounts, call, call.parameters[0]));
  HF_CHECK(remove_repositories(services, call, owner));
  return http::Response(204);
}

Answer remove_account(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const accounts::Account account,
         rest::find_account(services.accounts, call, call.parameters[0]));
  // Also the last administrator cannot go by this: whoever asks is one, and is active.
  if (account.id == call.subject().account_id) {
    return fail(ErrorCode::conflict, kOwnAccount,
                "an administrator cannot delete the account in use: let another one do it");
  }
  HF_CHECK(remove_repositories(services, call, account));
  HF_CHECK(services.accounts.remove(account.name, call.actor()));
  return http::Response(204);
}

// Settings are their user's business, and an administrator's.
Result<void> need_own(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account user,
         rest::find_user(services.accounts, call, call.parameters[0]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_administrator(call));
  return {};
}

Answer get_user_settings(const Services& services, const Call& call) {
  HF_CHECK(need_own(services, call));
  return rest::json_response(200, json::object{{"ContentCacheUUID", ""}});
}

// There are no content caches: none is the one setting that there is.
Answer change_user_settings(const Services& services, const Call& call) {
  HF_CHECK(need_own(services, call));
  HF_TRY(const auto cache, call.fields.text("contentCacheUUID"));
  if (!cache.value_or("").empty()) {
    return fail(ErrorCode::invalid, rest::kUserSettingInvalid, "there is no such content cache");
  }
  return get_user_settings(services, call);
}

Answer get_storage(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto values, services.settings.load());
  const json::object maintenance = {{"readonly", {{"enabled", values->read_only_registry}}}};
  return rest::json_response(
      200, json::object{{"storage",
                         {{"filesystem", {{"rootdirectory", services.host.data_folder.string()}}},
                          {"delete", {{"enabled", true}}},
                          {"maintenance", maintenance}}}});
}

}  // namespace

std::vector<rest::Route> account_routes(const Services& services) {
  using http::Method;
  return {
      {Method::del, "/accounts/{account}", bound(services, remove_account)},
      {Method::del, "/accounts/{account}/repositories", bound(services, remove_all_repositories)},
      {Method::get, "/accounts/{user}/settings", bound(services, get_user_settings)},
      {Method::patch, "/accounts/{user}/settings", bound(services, change_user_settings)},
      {Method::get, "/admin/settings/registry", bound(services, get_storage)},
      {Method::put, "/admin/settings/registry", rest::not_built(kStorage)},
      {Method::put, "/admin/settings/registry/simple", rest::not_built(kStorage)},
  };
}

}  // namespace holdfast::api::dtr
