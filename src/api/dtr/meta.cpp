// What DTR says of itself: /meta/…, /admin/version, /accounts/language.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <system_error>

#include "api/dtr/alerts.hpp"
#include "api/dtr/handlers.hpp"
#include "api/openapi/openapi.hpp"
#include "crypto/authority.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

// What the configuration and the process decide; shown beside the settings.
json::object fixed_settings(const Services& services, const Call& call) {
  const Host& host = services.host;
  const json::object ports = {
      {"HTTPPort", host.http_port}, {"HTTPSPort", host.https_port}, {"node", host.node}};
  return {{"dtrHost", host.name.empty() ? call.request.client.host : host.name},
          {"sso", false},
          {"replicaID", host.replica_id},
          {"replicaSettings", {{host.replica_id, ports}}},
          {"logProtocol", ""},
          {"logHost", ""},
          {"logLevel", host.log_level},
          {"webTLSCert", host.certificate_pem()},
          {"webTLSCA", host.authority_pem},
          {"webTLSClientCA", ""},
          {"clientCertAuthEnabled", false},
          {"storageVolume", host.data_folder.string()},
          {"nfsHost", ""},
          {"nfsPath", ""}};
}

json::object all_settings(const Services& services, const Call& call,
                          const settings::Values& values) {
  json::object all = fixed_settings(services, call);
  for (auto& member : settings::shown(values)) all.emplace(member.key(), member.value());
  return all;
}

Answer get_settings(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto values, services.settings.load());
  return rest::json_response(200, all_settings(services, call, *values));
}

// To say yes and do nothing would leave the caller with a certificate that is not in use. The value
// of now is no change: clients send back all that they got.
Result<void> check_fixed(const json::object& given, const json::object& fixed) {
  for (const auto& member : given) {
    const bool is_key = member.key() == "webTLSKey";
    const json::value* now = fixed.if_contains(member.key());
    if ((now == nullptr && !is_key) || member.value().is_null()) continue;
    const json::value none = "";
    if (member.value() == (is_key ? none : *now)) continue;
    return fail(ErrorCode::invalid, settings::kSettingInvalid,
                fmt::format("\"{}\" is no setting here: the server's configuration decides it",
                            std::string_view(member.key())));
  }
  return {};
}

Answer change_settings(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  const json::object& given = call.fields.object();
  HF_CHECK(check_fixed(given, fixed_settings(services, call)));
  HF_TRY(const auto values, services.settings.change(given, call.actor()));
  json::object body = all_settings(services, call, *values);
  // Every setting counts from the next request on.
  body.emplace("restartNeeded", json::array());
  return rest::json_response(202, body);
}

// What is not built yet is told as not licensed: nobody should wait for it.
Answer features(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const auto values, services.settings.load());
  const bool is_scanning = values->scanning_enabled && services.scan_worker.problem.empty();
  // A number here: when the advisories in force were made, in seconds since 1970.
  const auto database = services.advisories.current();
  const std::int64_t version = database ? to_micros(database->info().built_at) / 1'000'000 : 0;
  return rest::json_response(200, json::object{{"scanningEnabled", is_scanning},
                                               {"scanningLicensed", true},
                                               {"promotionLicensed", false},
                                               {"mirroringLicensed", false},
                                               {"metadataStoreOptedIn", true},
                                               {"onlineGCEnabled", true},
                                               {"db_version", version},
                                               {"ucpHost", ""}});
}

Result<std::optional<ScannerAlert>> scanner_alert(const Services& services,
                                                  const settings::Values& settings) {
  if (!settings.scanning_enabled) return std::optional<ScannerAlert>();
  HF_TRY(scanner::Freshness freshness, services.scan_updates.freshness());
  ScannerAlert alert{.problem = services.scan_worker.problem,
                     .stale_feeds = std::move(freshness.stale_feeds)};
  if (freshness.is_stale) alert.stale_since = freshness.succeeded_at;
  return std::optional(std::move(alert));
}

Answer all_alerts(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  AlertFacts facts{.now = services.clock.now()};
  if (const auto ends = crypto::not_after(services.host.certificate_pem())) {
    facts.certificate_ends = *ends;
  }
  HF_TRY(facts.failing_jobs, services.jobs.queue.failing());
  HF_TRY(const auto settings, services.settings.load());
  if (!settings->disable_backup_warning) {
    HF_TRY(facts.backup, backup::last(services.database));
  }
  HF_TRY(facts.scanner, scanner_alert(services, *settings));
  std::error_code problem;
  const auto space = std::filesystem::space(services.host.data_folder, problem);
  if (!problem) {
    facts.disk_bytes = space.capacity;
    facts.disk_free_bytes = space.available;
  }
  return rest::json_response(200, alerts(facts));
}

Answer cluster_status(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto values, services.settings.load());
  const std::string& id = services.host.replica_id;
  json::object tables;
  for (const std::string_view table : {"cluster_config", "current_issues", "db_config",
                                       "server_status", "stats", "table_config", "table_status"}) {
    tables.emplace(table, json::array());
  }
  const auto database = services.database.ping();
  return rest::json_response(
      200, json::object{{"replica_health", {{id, database ? "OK" : database.error().message}}},
                        {"replica_timestamp", {{id, rfc3339(services.clock.now())}}},
                        {"replica_readonly", {{id, values->read_only_registry}}},
                        {"gc_lock_holder", ""},
                        {"current_issues", json::array()},
                        {"rethink_system_tables", std::move(tables)}});
}

Answer version(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  return rest::json_response(200, json::object{{"version", services.host.version}});
}

Answer language(const Services& /*services*/, const Call& /*call*/) {
  return rest::json_response(200, json::object{{"language", "en"}});
}

// Public, and the same whoever asks: no credential is looked at.
Answer description(const Services& /*services*/, const Call& call) {
  return openapi::document(call.request);
}

}  // namespace

std::vector<rest::Route> meta_routes(const Services& services) {
  using http::Method;
  return {{Method::get, "/meta/settings", bound(services, get_settings)},
          {Method::post, "/meta/settings", bound(services, change_settings),
           rest::WhileReadOnly::served},
          {Method::get, "/meta/features", bound(services, features)},
          {Method::get, "/meta/alerts", bound(services, all_alerts)},
          {Method::get, "/meta/cluster_status", bound(services, cluster_status)},
          {Method::get, "/admin/version", bound(services, version)},
          {Method::get, "/accounts/language", bound(services, language)},
          {Method::get, "/openapi.json", bound(services, description), rest::WhileReadOnly::served,
           rest::Gate::login}};
}

}  // namespace holdfast::api::dtr
