// /accounts/{account}/publicKeys: kept for who asks; nobody logs in with them here.
#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

using accounts::AccountKey;
using accounts::KeyCertificate;

// Keys are their account's business, and an administrator's.
Result<accounts::Account> find_owner(const Services& services, const Call& call) {
  HF_TRY(accounts::Account account,
         rest::find_account(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_owner(call, account));
  return account;
}

Result<std::optional<std::vector<KeyCertificate>>> certificates_of(const Call& call) {
  using Certificates = std::optional<std::vector<KeyCertificate>>;
  HF_TRY(const auto given, call.fields.objects("certificates"));
  if (!given) return Certificates();
  Certificates certificates(std::in_place);
  for (const rest::Fields& entry : *given) {
    HF_TRY(const auto label, entry.text("label"));
    HF_TRY(std::string pem, entry.required_text("cert"));
    certificates->push_back({label.value_or(""), std::move(pem)});
  }
  return certificates;
}

boost::json::object shown_key(const accounts::Account& account, const AccountKey& key) {
  boost::json::array certificates;
  for (const KeyCertificate& entry : key.certificates) {
    certificates.emplace_back(boost::json::object{{"label", entry.label}, {"cert", entry.pem}});
  }
  return {{"id", key.id},
          {"accountID", account.uuid},
          {"publicKey", key.pem},
          {"label", key.label},
          {"certificates", std::move(certificates)}};
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account account, find_owner(services, call));
  HF_TRY(const Page page, page_of(call));
  return page_response(
      services, "accountPublicKeys", page, no_totals,
      [&services, account](const std::string& start, std::int64_t limit) {
        return services.public_keys.list(account, start, limit);
      },
      [account](const AccountKey& key) { return shown_key(account, key); },
      [](const AccountKey& key) { return key.id; });
}

Answer create(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account account, find_owner(services, call));
  HF_TRY(const std::string pem, call.fields.required_text("publicKey"));
  HF_TRY(const auto label, call.fields.text("label"));
  HF_TRY(const auto certificates, certificates_of(call));
  HF_TRY(
      const AccountKey made,
      services.public_keys.add(account, pem, label.value_or(""),
                               certificates.value_or(std::vector<KeyCertificate>()), call.actor()));
  return rest::json_response(201, shown_key(account, made));
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account account, find_owner(services, call));
  accounts::AccountKeyChange change;
  HF_TRY(change.label, call.fields.text("label"));
  HF_TRY(change.certificates, certificates_of(call));
  HF_TRY(const AccountKey changed,
         services.public_keys.update(account, call.parameters[1], change, call.actor()));
  return rest::json_response(200, shown_key(account, changed));
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account account, find_owner(services, call));
  HF_CHECK(services.public_keys.remove(account, call.parameters[1], call.actor()));
  return http::Response(204);
}

}  // namespace

std::vector<rest::Route> public_key_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/accounts/{account}/publicKeys", bound(services, list)},
      {Method::post, "/accounts/{account}/publicKeys", bound(services, create)},
      {Method::patch, "/accounts/{account}/publicKeys/{key}", bound(services, update)},
      {Method::del, "/accounts/{account}/publicKeys/{key}", bound(services, remove)},
  };
}

}  // namespace holdfast::api::enzi
