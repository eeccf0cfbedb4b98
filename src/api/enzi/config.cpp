// /config/…: where accounts come from. They are managed here: LDAP and SAML are not built, and
// whatever would turn them on says so.
#include <fmt/format.h>

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

constexpr std::string_view kNoLdap =
    "LDAP is not built: accounts are managed here, import them with POST /admin/importAccounts";
constexpr std::string_view kNoSaml = "SAML is not built: log in with a password or an access token";

Error not_built(std::string_view sentence) {
  return fail(ErrorCode::unsupported, rest::kNotBuilt, std::string(sentence));
}

boost::json::object no_sync() {
  return {{"enableSync", false},   {"selectGroupMembers", false}, {"groupDN", ""},
          {"groupMemberAttr", ""}, {"searchBaseDN", ""},          {"searchScopeSubtree", false},
          {"searchFilter", ""}};
}

boost::json::object no_link() { return {{"enableLink", false}, {"groupName", ""}}; }

Answer get_backend(const Services& /*services*/, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  return rest::json_response(200, boost::json::object{{"backend", "managed"}});
}

Answer put_backend(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const std::string backend, call.fields.required_text("backend"));
  if (backend == "ldap") return not_built(kNoLdap);
  if (backend == "managed") return get_backend(services, call);
  return fail(ErrorCode::invalid, rest::kFieldInvalid, "\"backend\" must be managed or ldap");
}

Answer get_ldap(const Services& /*services*/, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  return rest::json_response(200, boost::json::object{{"recoveryAdminUsername", ""},
                                                      {"serverURL", ""},
                                                      {"noSimplePagination", false},
                                                      {"startTLS", false},
                                                      {"rootCerts", ""},
                                                      {"tlsSkipVerify", false},
                                                      {"readerDN", ""},
                                                      {"readerPassword", ""},
                                                      {"userSearchConfigs", boost::json::array()},
                                                      {"adminSyncOpts", no_sync()},
                                                      {"syncSchedule", ""}});
}

Answer get_accounts(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto names, services.account_settings.system_accounts());
  HF_TRY(const accounts::AccountTotals totals, services.accounts.totals());
  return rest::json_response(
      200, boost::json::object{{"systemAccounts", boost::json::array(names.begin(), names.end())},
                               {"usersCount", totals.users},
                               {"orgsCount", totals.organizations}});
}

Answer put_accounts(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto names, call.fields.texts("systemAccounts"));
  if (!names) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid, "\"systemAccounts\" must be a list");
  }
  HF_CHECK(services.account_settings.set_system_accounts(*names, call.actor()));
  return get_accounts(services, call);
}

Answer get_openid(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const std::string issuer, services.account_settings.issuer());
  return rest::json_response(200, boost::json::object{{"issuerIdentifier", issuer}});
}

Answer put_openid(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto issuer, call.fields.text("issuerIdentifier"));
  if (!issuer) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid, "\"issuerIdentifier\" must be a string");
  }
  HF_CHECK(services.account_settings.set_issuer(*issuer, call.actor()));
  return get_openid(services, call);
}

// The organization of the path, and its team where the path names one, for an owner.
Result<void> find_place(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_owner(call, organization));
  if (call.parameters.size() < 2) return {};
  HF_CHECK(services.teams.find(organization.name, rest::team_reference(call.parameters[1])));
  return {};
}

// To turn off what is off is done.
Answer put_off(const Services& services, const Call& call, std::string_view flag,
               const boost::json::object& off, std::string_view sentence) {
  HF_CHECK(find_place(services, call));
  HF_TRY(const auto wanted, call.fields.flag(flag));
  if (!wanted) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid,
                fmt::format("\"{}\" must be true or false", flag));
  }
  if (*wanted) return not_built(sentence);
  return rest::json_response(200, off);
}

Answer get_sync(const Services& services, const Call& call) {
  HF_CHECK(find_place(services, call));
  return rest::json_response(200, no_sync());
}

Answer put_sync(const Services& services, const Call& call) {
  return put_off(services, call, "enableSync", no_sync(), kNoLdap);
}

Answer get_link(const Services& services, const Call& call) {
  HF_CHECK(find_place(services, call));
  return rest::json_response(200, no_link());
}

Answer put_link(const Services& services, const Call& call) {
  return put_off(services, call, "enableLink", no_link(), kNoSaml);
}

}  // namespace

std::vector<rest::Route> config_routes(const Services& services) {
  using http::Method;
  constexpr std::string_view kOfOrganization = "/accounts/{organization}/adminMemberSyncConfig";
  constexpr std::string_view kOfTeam = "/accounts/{organization}/teams/{team}/memberSyncConfig";
  constexpr std::string_view kLink = "/accounts/{organization}/teams/{team}/groupLinkConfig";
  return {
      {Method::get, "/config/auth", bound(services, get_backend)},
      {Method::put, "/config/auth", bound(services, put_backend)},
      {Method::get, "/config/auth/ldap", bound(services, get_ldap)},
      {Method::put, "/config/auth/ldap", rest::not_built(kNoLdap)},
      {Method::post, "/config/auth/ldap/tryLogin", rest::not_built(kNoLdap)},
      {Method::get, "/config/accounts", bound(services, get_accounts)},
      {Method::put, "/config/accounts", bound(services, put_accounts)},
      {Method::get, "/config/openid", bound(services, get_openid)},
      {Method::put, "/config/openid", bound(services, put_openid)},
      {Method::get, kOfOrganization, bound(services, get_sync)},
      {Method::put, kOfOrganization, bound(services, put_sync)},
      {Method::get, kOfTeam, bound(services, get_sync)},
      {Method::put, kOfTeam, bound(services, put_sync)},
      {Method::get, kLink, bound(services, get_link)},
      {Method::put, kLink, bound(services, put_link)},
      {Method::get, "/saml/metadata", rest::not_built(kNoSaml)},
      {Method::post, "/saml/acs", rest::not_built(kNoSaml)},
  };
}

}  // namespace holdfast::api::enzi
