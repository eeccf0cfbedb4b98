// Overrides of what advisories say: DTR's of layers, those of a repository, and VEX documents.
#include <utility>

#include "api/dtr/handlers.hpp"
#include "api/dtr/scan_words.hpp"
#include "scanner/vex.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

using access::Action;
using scanner::Waiver;
using scanner::WaiverScope;

json::array shown_overrides(const scanner::WaiverSet& waivers, std::int64_t repository_id) {
  json::array shown;
  for (const Waiver& waiver : waivers.all()) {
    if (waiver.repository_id == repository_id) shown.emplace_back(shown_waiver(waiver));
  }
  return shown;
}

// What the body says of one; `version` may be left out for any.
Result<Waiver> override_in(const Call& call) {
  Waiver waiver;
  HF_TRY(waiver.vulnerability, call.fields.required_text("cve"));
  HF_TRY(waiver.component, call.fields.required_text("component"));
  HF_TRY(const auto version, call.fields.text("componentVersion"));
  HF_TRY(const auto notes, call.fields.text("notes"));
  waiver.version = version.value_or("");
  waiver.notes = notes.value_or("");
  HF_TRY(const auto expires, call.fields.text("expiresAt"));
  if (expires && !expires->empty()) {
    waiver.expires_at = parse_rfc3339(*expires);
    if (!waiver.expires_at) {
      return fail(ErrorCode::invalid, rest::kFieldInvalid, "\"expiresAt\" must be a time");
    }
  }
  return waiver;
}

// Those who may say who gets in may say what is taken for harmless.
Result<WaiverScope> repository_scope(const Services& services, const Call& call, Action action) {
  HF_TRY(const auto repository, find_repository(services, call, action));
  return WaiverScope{repository->id, repository->name.text()};
}

// --- in all repositories

Answer list_of_layers(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const auto waivers, services.waivers.load(0));
  return rest::json_response(200, shown_overrides(*waivers, 0));
}

Answer add_to_layer(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto layer, holdfast::oci::Digest::parse(call.parameters[0]));
  HF_CHECK(call.fields.required_text("componentVersion"));
  HF_TRY(Waiver waiver, override_in(call));
  waiver.layer = layer.text();
  HF_TRY(const Waiver made, services.waivers.add({}, std::move(waiver), call.actor()));
  return rest::json_response(200, shown_waiver(made));
}

Answer remove_of_layer(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_CHECK(services.waivers.remove({}, call.parameters[0], call.actor()));
  return rest::json_response(200, json::object());
}

// --- in one repository

Answer list_of_repository(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));  // authors are named
  HF_TRY(const WaiverScope scope, repository_scope(services, call, Action::view));
  HF_TRY(const auto waivers, services.waivers.load(scope.repository_id));
  return rest::json_response(200, shown_overrides(*waivers, scope.repository_id));
}

Answer add_to_repository(const Services& services, const Call& call) {
  HF_TRY(const WaiverScope scope, repository_scope(services, call, Action::manage_access));
  HF_TRY(Waiver waiver, override_in(call));
  HF_TRY(const Waiver made, services.waivers.add(scope, std::move(waiver), call.actor()));
  return rest::json_response(201, shown_waiver(made));
}

Answer remove_of_repository(const Services& services, const Call& call) {
  HF_TRY(const WaiverScope scope, repository_scope(services, call, Action::manage_access));
  HF_CHECK(services.waivers.remove(scope, call.parameters[2], call.actor()));
  return http::Response(204);
}

// --- VEX documents

Answer take_document(const Services& services, const Call& call, const WaiverScope& scope) {
  HF_TRY(scanner::VexDocument document, scanner::read_vex(call.fields.object()));
  const std::size_t count = document.waivers.size();
  HF_CHECK(services.waivers.replace(scope, document.id, std::move(document.waivers), call.actor()));
  return rest::json_response(200, json::object{{"document", document.id},
                                               {"overrides", count},
                                               {"passedOver", document.passed_over}});
}

Answer drop_document(const Services& services, const Call& call, const WaiverScope& scope) {
  const std::string document = call.text("document");
  if (document.empty()) {
    return fail(ErrorCode::invalid, rest::kQueryInvalid, "\"document\" must name a document");
  }
  HF_CHECK(services.waivers.replace(scope, document, {}, call.actor()));
  return http::Response(204);
}

Answer put_document(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  return take_document(services, call, {});
}
Answer remove_document(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  return drop_document(services, call, {});
}
Answer put_document_of_repository(const Services& services, const Call& call) {
  HF_TRY(const WaiverScope scope, repository_scope(services, call, Action::manage_access));
  return take_document(services, call, scope);
}
Answer remove_document_of_repository(const Services& services, const Call& call) {
  HF_TRY(const WaiverScope scope, repository_scope(services, call, Action::manage_access));
  return drop_document(services, call, scope);
}

}  // namespace

std::vector<rest::Route> override_routes(const Services& services) {
  using http::Method;
  constexpr std::string_view kOfLayers = "/imagescan/layeroverride";
  constexpr std::string_view kOfLayer = "/imagescan/layeroverride/{id}";
  constexpr std::string_view kOverrides =
      "/holdfast/repositories/{namespace}/{repository}/overrides";
  constexpr std::string_view kVex = "/holdfast/repositories/{namespace}/{repository}/vex";
  return {
      {Method::get, kOfLayers, bound(services, list_of_layers)},
      {Method::post, kOfLayer, bound(services, add_to_layer)},
      {Method::del, kOfLayer, bound(services, remove_of_layer)},
      {Method::get, kOverrides, bound(services, list_of_repository)},
      {Method::post, kOverrides, bound(services, add_to_repository)},
      {Method::del, "/holdfast/repositories/{namespace}/{repository}/overrides/{override}",
       bound(services, remove_of_repository)},
      {Method::put, "/holdfast/vex", bound(services, put_document)},
      {Method::del, "/holdfast/vex", bound(services, remove_document)},
      {Method::put, kVex, bound(services, put_document_of_repository)},
      {Method::del, kVex, bound(services, remove_document_of_repository)},
  };
}

}  // namespace holdfast::api::dtr
