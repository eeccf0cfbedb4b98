// What UCP and DTR tell of themselves to who logs in: /basic_info, /api/ucp/config/dtr; and the
// keys that tokens are signed with, for everybody.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "api/rest/accounts.hpp"
#include "api/ucp/handlers.hpp"

namespace holdfast::api::ucp {

namespace {

Answer basic_info(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const accounts::Account account, services.accounts.find(call.subject().account_id));
  return rest::json_response(
      200, boost::json::object{
               {"CurrentVersion", services.version},
               {"User", rest::shown(account)},
               {"IsAdmin", account.is_administrator},
               {"AuthnMethod", call.caller.session.empty() ? "Password" : "SessionToken"}});
}

// The registry of this control plane is this server.
Answer registries(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  const boost::json::object own = {{"hostAddress", services.url.service(call.request)},
                                   {"serviceID", ""},
                                   {"caBundle", services.ca_pem},
                                   {"batchScanningDataEnabled", false}};
  return rest::json_response(200, boost::json::object{{"registries", boost::json::array{own}}});
}

Answer signing_keys(const Services& services, const Call& /*call*/) {
  HF_CHECK(services.tokens.refresh());
  return rest::json_text_response(200, services.tokens.jwks());
}

}  // namespace

std::vector<rest::Route> fact_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/basic_info", bound(services, basic_info)},
      {Method::get, "/api/ucp/config/dtr", bound(services, registries)},
      {Method::get, "/openid_keys", bound(services, signing_keys)},
  };
}

}  // namespace holdfast::api::ucp
