// /accounts/{account}/services: registered and shown; no login goes through them yet.
#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

using accounts::SsoService;
using accounts::SsoServiceChange;

Result<accounts::Account> find_owner(const Services& services, const Call& call) {
  HF_TRY(accounts::Account account,
         rest::find_account(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_owner(call, account));
  return account;
}

boost::json::object shown_service(const accounts::Account& owner, const SsoService& service) {
  const auto texts = [](const std::vector<std::string>& entries) {
    return boost::json::array(entries.begin(), entries.end());
  };
  return {{"id", service.id},
          {"ownerID", owner.uuid},
          {"name", service.name},
          {"description", service.description},
          {"url", service.url},
          {"privileged", service.is_privileged},
          {"redirectURIs", texts(service.redirect_uris)},
          {"jwksURIs", texts(service.jwks_uris)},
          {"providerIdentities", texts(service.provider_identities)},
          {"caBundle", service.ca_bundle}};
}

// A privileged service would act for its users: an administrator alone makes one.
Result<SsoServiceChange> change_of(const Call& call) {
  SsoServiceChange change;
  HF_TRY(change.description, call.fields.text("description"));
  HF_TRY(change.url, call.fields.text("url"));
  HF_TRY(change.is_privileged, call.fields.flag("privileged"));
  HF_TRY(change.redirect_uris, call.fields.texts("redirectURIs"));
  HF_TRY(change.jwks_uris, call.fields.texts("jwksURIs"));
  HF_TRY(change.provider_identities, call.fields.texts("providerIdentities"));
  HF_TRY(change.ca_bundle, call.fields.text("caBundle"));
  if (change.is_privileged.value_or(false)) HF_CHECK(rest::need_administrator(call));
  return change;
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, find_owner(services, call));
  HF_TRY(const Page page, page_of(call));
  return page_response(
      services, "services", page, no_totals,
      [&services, owner](const std::string& start, std::int64_t limit) {
        return services.sso_services.list(owner, start, limit);
      },
      [owner](const SsoService& service) { return shown_service(owner, service); },
      [](const SsoService& service) { return service.name; });
}

Answer create(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, find_owner(services, call));
  HF_TRY(const std::string name, call.fields.required_text("name"));
  HF_TRY(const SsoServiceChange given, change_of(call));
  const std::vector<std::string> none;
  HF_TRY(
      const SsoService made,
      services.sso_services.create(owner,
                                   {.name = name,
                                    .description = given.description.value_or(""),
                                    .url = given.url.value_or(""),
                                    .is_privileged = given.is_privileged.value_or(false),
                                    .redirect_uris = given.redirect_uris.value_or(none),
                                    .jwks_uris = given.jwks_uris.value_or(none),
                                    .provider_identities = given.provider_identities.value_or(none),
                                    .ca_bundle = given.ca_bundle.value_or("")},
                                   call.actor()));
  return rest::json_response(201, shown_service(owner, made));
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, find_owner(services, call));
  HF_TRY(const SsoService found, services.sso_services.find(owner, call.parameters[1]));
  return rest::json_response(200, shown_service(owner, found));
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, find_owner(services, call));
  HF_TRY(const SsoServiceChange change, change_of(call));
  HF_TRY(const SsoService changed,
         services.sso_services.update(owner, call.parameters[1], change, call.actor()));
  return rest::json_response(200, shown_service(owner, changed));
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, find_owner(services, call));
  HF_CHECK(services.sso_services.remove(owner, call.parameters[1], call.actor()));
  return http::Response(204);
}

}  // namespace

std::vector<rest::Route> service_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/accounts/{account}/services", bound(services, list)},
      {Method::post, "/accounts/{account}/services", bound(services, create)},
      {Method::get, "/accounts/{account}/services/{service}", bound(services, get)},
      {Method::patch, "/accounts/{account}/services/{service}", bound(services, update)},
      {Method::del, "/accounts/{account}/services/{service}", bound(services, remove)},
  };
}

}  // namespace holdfast::api::enzi
