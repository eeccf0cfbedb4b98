// /admin/importAccounts: accounts from another product, with the hashes of their passwords.
#include "accounts/imports.hpp"

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

using accounts::ImportedAccount;

Result<ImportedAccount> imported(const rest::Fields& entry) {
  ImportedAccount account;
  HF_TRY(account.name, entry.required_text("name"));
  HF_TRY(const auto full_name, entry.text("fullName"));
  HF_TRY(const auto is_organization, entry.flag("isOrg"));
  HF_TRY(const auto is_administrator, entry.flag("isAdmin"));
  HF_TRY(const auto is_active, entry.flag("isActive"));
  HF_TRY(const auto hash, entry.text("passwordHash"));
  account.full_name = full_name.value_or("");
  account.is_administrator = is_administrator.value_or(false);
  account.password_hash = hash.value_or("");
  account.is_active = is_active.value_or(true);
  if (is_organization.value_or(false)) {
    account.kind = accounts::Kind::organization;
    account.is_active = true;  // an export has false there as well
  }
  return account;
}

Answer import_accounts(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto entries, call.fields.objects("accounts"));
  if (!entries) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid, "\"accounts\" must be a list of objects");
  }
  std::vector<ImportedAccount> wanted;
  for (const rest::Fields& entry : *entries) {
    HF_TRY(ImportedAccount account, imported(entry));
    wanted.push_back(std::move(account));
  }
  HF_CHECK(services.imports.run(wanted, call.actor()));
  return rest::json_response(201, boost::json::object{{"imported", wanted.size()}});
}

}  // namespace

std::vector<rest::Route> import_routes(const Services& services) {
  return {{http::Method::post, "/admin/importAccounts", bound(services, import_accounts)}};
}

}  // namespace holdfast::api::enzi
