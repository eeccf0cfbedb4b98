// /holdfast/scanners: scanners of others, for administrators; /holdfast/repositories/…/scanner:
// which one a repository has. DTR has nothing like it: the paths are ours, the fields Harbor's.
#include <algorithm>
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "api/dtr/handlers.hpp"
#include "base/clock.hpp"
#include "repos/repositories.hpp"
#include "scanner/registrations.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

using access::Action;
using repos::Repository;
using scanner::Certificates;
using scanner::Registration;
using scanner::RegistrationFields;

// Whether there is a credential, never which.
json::object shown_registration(const Registration& one) {
  return {{"id", one.uuid},
          {"name", one.name},
          {"description", one.description},
          {"url", one.url},
          {"auth", scanner::name(one.authentication)},
          {"hasCredential", !one.sealed_credential.empty()},
          {"skipCertVerify", one.certificates == Certificates::anything},
          {"certificateAuthority", one.authority_pem},
          {"registryUrl", one.registry_url},
          {"disabled", one.is_disabled},
          {"isDefault", one.is_default},
          {"createdAt", rfc3339(one.created_at)},
          {"updatedAt", rfc3339(one.updated_at)}};
}

json::array shown_texts(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

json::object shown_metadata(const scanner::AdapterMetadata& metadata) {
  json::array capabilities;
  for (const auto& one : metadata.capabilities) {
    capabilities.emplace_back(
        json::object{{"type", one.type.empty() ? "vulnerability" : one.type},
                     {"consumes", shown_texts(one.consumes)},
                     {"produces", shown_texts(one.produces)},
                     {"usable", one.type != "sbom" && !report_type_of(one).empty()}});
  }
  return {{"scanner", json::object{{"name", metadata.scanner.name},
                                   {"vendor", metadata.scanner.vendor},
                                   {"version", metadata.scanner.version}}},
          {"capabilities", std::move(capabilities)},
          {"databaseUpdatedAt", metadata.database_updated_at}};
}

Result<std::optional<scanner::Authentication>> authentication_of(const Call& call) {
  HF_TRY(const auto word, call.fields.text("auth"));
  if (!word) return std::optional<scanner::Authentication>();
  const auto found = scanner::authentication_of(*word);
  if (found) return found;
  return fail(ErrorCode::invalid, rest::kFieldInvalid,
              "\"auth\" must be \"\", Basic, Bearer or X-ScannerAdapter-API-Key");
}

Result<RegistrationFields> fields_of(const Call& call) {
  RegistrationFields fields;
  HF_TRY(fields.name, call.fields.text("name"));
  HF_TRY(fields.description, call.fields.text("description"));
  HF_TRY(fields.url, call.fields.text("url"));
  HF_TRY(fields.authentication, authentication_of(call));
  HF_TRY(fields.credential, call.fields.text("accessCredential"));
  HF_TRY(const auto skip, call.fields.flag("skipCertVerify"));
  if (skip) fields.certificates = *skip ? Certificates::anything : Certificates::checked;
  HF_TRY(fields.authority_pem, call.fields.text("certificateAuthority"));
  HF_TRY(fields.registry_url, call.fields.text("registryUrl"));
  HF_TRY(fields.is_disabled, call.fields.flag("disabled"));
  HF_TRY(fields.is_default, call.fields.flag("isDefault"));
  return fields;
}

Answer list(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto all, services.scanners.list());
  json::array shown;
  for (const Registration& one : all) shown.emplace_back(shown_registration(one));
  return rest::json_response(200, json::object{{"scanners", std::move(shown)}});
}

Answer create(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const RegistrationFields fields, fields_of(call));
  HF_TRY(const Registration made, services.scanners.create(fields, call.actor()));
  return rest::json_response(201, shown_registration(made));
}

Answer get(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const Registration one, services.scanners.find(call.parameters[0]));
  return rest::json_response(200, shown_registration(one));
}

Answer update(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const RegistrationFields fields, fields_of(call));
  HF_TRY(const Registration changed,
         services.scanners.update(call.parameters[0], fields, call.actor()));
  return rest::json_response(200, shown_registration(changed));
}

Answer remove(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_CHECK(services.scanners.remove(call.parameters[0], call.actor()));
  return http::Response(204);
}

// Before it is registered.
Answer ping(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(RegistrationFields fields, fields_of(call));
  if (!fields.name) fields.name = "that is asked";
  HF_TRY(const Registration one, services.scanners.draft(fields));
  HF_TRY(const auto metadata, services.adapter_scanner.ask(one));
  return rest::json_response(200, shown_metadata(metadata));
}

Answer metadata(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const Registration one, services.scanners.find(call.parameters[0]));
  HF_TRY(const auto metadata, services.adapter_scanner.ask(one));
  return rest::json_response(200, shown_metadata(metadata));
}

Result<json::object> shown_choice(const Services& services, const Repository& repository) {
  HF_TRY(const scanner::Choice choice, services.scanners.choice(repository.id));
  HF_TRY(const auto one, services.scanners.of(repository.id));
  return json::object{{"scanner", one ? one->uuid : ""},
                      {"name", one ? one->name : "Holdfast"},
                      {"disabled", one ? one->is_disabled : false},
                      {"chosen", choice.has_value()}};
}

Answer get_choice(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(const json::object shown, shown_choice(services, *repository));
  return rest::json_response(200, shown);
}

Answer candidates(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::edit));
  HF_TRY(const auto all, services.scanners.list());
  json::array shown;
  for (const Registration& one : all) {
    if (one.is_disabled) continue;
    shown.emplace_back(json::object{{"scanner", one.uuid},
                                    {"name", one.name},
                                    {"description", one.description},
                                    {"isDefault", one.is_default}});
  }
  return rest::json_response(200, json::object{{"scanners", std::move(shown)}});
}

Answer choose(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::edit));
  HF_TRY(const auto wanted, call.fields.text("scanner"));
  if (!wanted) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid,
                "\"scanner\" must be the id of one, or \"\" for the built-in one");
  }
  std::int64_t chosen = scanner::kBuiltIn;
  if (!wanted->empty()) {
    HF_TRY(const Registration one, services.scanners.find(*wanted));
    if (one.is_disabled) {
      return fail(ErrorCode::not_found, scanner::kScannerUnknown, "this scanner is disabled");
    }
    chosen = one.id;
  }
  HF_CHECK(services.scanners.choose(*repository, chosen, call.actor()));
  HF_TRY(const json::object shown, shown_choice(services, *repository));
  return rest::json_response(200, shown);
}

Answer choose_nothing(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::edit));
  HF_CHECK(services.scanners.choose(*repository, std::nullopt, call.actor()));
  return http::Response(204);
}

}  // namespace

std::vector<rest::Route> scanner_routes(const Services& services) {
  using http::Method;
  constexpr std::string_view kAll = "/holdfast/scanners";
  constexpr std::string_view kOne = "/holdfast/scanners/{scanner}";
  constexpr std::string_view kOfRepository =
      "/holdfast/repositories/{namespace}/{repository}/scanner";
  return {
      {Method::get, kAll, bound(services, list)},
      {Method::post, kAll, bound(services, create)},
      // Asks, and keeps nothing.
      {Method::post, "/holdfast/scanners/ping", bound(services, ping), rest::WhileReadOnly::served},
      {Method::get, kOne, bound(services, get)},
      {Method::patch, kOne, bound(services, update)},
      {Method::del, kOne, bound(services, remove)},
      {Method::get, "/holdfast/scanners/{scanner}/metadata", bound(services, metadata)},
      {Method::get, kOfRepository, bound(services, get_choice)},
      {Method::put, kOfRepository, bound(services, choose)},
      {Method::del, kOfRepository, bound(services, choose_nothing)},
      {Method::get, "/holdfast/repositories/{namespace}/{repository}/scanner/candidates",
       bound(services, candidates)},
  };
}

}  // namespace holdfast::api::dtr
