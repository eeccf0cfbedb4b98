// /imagescan/…: the advisories in force.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "api/dtr/handlers.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/updates.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

// JSON, or a table whose first line names the column of the CVE.
bool is_list(std::string_view head) {
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  const std::string_view line = head.substr(0, head.find('\n'));
  return head[first] == '{' || line.starts_with("cve\t") || line.contains("\tcve\t");
}

// Whether a file begins as the archives and lists do that are taken: what is wrong with others is
// told at once, and not by a job.
Result<bool> is_taken(const rest::Spool& spool, const rest::SpooledFile& file) {
  constexpr std::size_t kTarMark = 257;
  std::array<std::byte, 512> head{};
  std::size_t done = 0;
  while (done < std::min<std::uint64_t>(head.size(), file.size_bytes)) {
    HF_TRY(const std::size_t got, spool.read_at(file.begin + done, std::span(head).subspan(done)));
    if (got == 0) break;
    done += got;
  }
  const std::string_view text(reinterpret_cast<const char*>(head.data()),
                              std::min<std::uint64_t>(done, file.size_bytes));
  return text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06") ||
         text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd") ||
         text.starts_with(
             "\xfd"
             "7zXZ") ||
         is_list(text) || (text.size() > kTarMark && text.substr(kTarMark).starts_with("ustar"));
}

// The feeds are asked, whatever the body is.
Answer fetch(const Services& services, const Call& call) {
  HF_TRY(const std::string job, services.scan_updates.fetch_soon(call.actor()));
  return rest::json_response(200, json::object{{"job", job}});
}

Answer update(const Services& services, const Call& call) {
  if (call.text("online") == "true") return fetch(services, call);
  HF_CHECK(services.scan_worker.need());
  HF_TRY(const rest::SpooledFile file,
         rest::file_in(*call.file, call.request.field("Content-Type").value_or("")));
  HF_TRY(const bool is_one, is_taken(*call.file, file));
  if (!is_one) {
    return fail(ErrorCode::invalid, rest::kFormInvalid,
                "send an archive of advisories (a zip or tar of OSV records), a catalogue of NVD, "
                "CISA's list of exploited vulnerabilities, or a table of ratings");
  }
  std::uint64_t at = file.begin;
  const std::uint64_t end = file.begin + file.size_bytes;
  const auto source = [&](std::span<std::byte> into) -> Result<std::size_t> {
    const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), end - at));
    HF_TRY(const std::size_t got, call.file->read_at(at, into.first(left)));
    at += got;
    return got;
  };
  HF_TRY(const std::string job, services.scan_updates.upload(source, call.text("source")));
  return rest::json_response(200, json::object{{"job", job}});
}

std::string shown(const std::optional<Timestamp>& when) {
  return when ? rfc3339(*when) : std::string("0001-01-01T00:00:00Z");
}

// Where from and why not is for administrators.
Result<json::array> shown_feeds(const Services& services, const Call& call,
                                const scanner::Freshness& freshness) {
  const bool is_boss = call.subject().is_administrator;
  HF_TRY(const auto values, services.settings.load());
  HF_TRY(const auto states, services.feed_states.load());
  json::array shown_all;
  for (const feeds::Feed& feed : feeds::all(values->advisory_feeds, services.clock.now())) {
    const auto found = states.find(feed.name);
    const feeds::State state = found == states.end() ? feeds::State{} : found->second;
    json::object one = {{"name", feed.name},
                        {"kind", feeds::name(feed.kind)},
                        {"triedAt", shown(state.tried_at)},
                        {"succeededAt", shown(state.succeeded_at)},
                        {"changedAt", shown(state.changed_at)},
                        {"bytes", state.bytes},
                        {"entries", state.entries},
                        {"failed", !state.problem.empty()},
                        {"stale", std::ranges::find(freshness.stale_feeds, feed.name) !=
                                      freshness.stale_feeds.end()}};
    if (is_boss) {
      one["url"] = feed.url;
      one["problem"] = state.problem;
    }
    shown_all.emplace_back(std::move(one));
  }
  return shown_all;
}

json::object shown_worker(const scanner::WorkerState& worker) {
  return {{"ready", worker.problem.empty()},
          {"problem", worker.problem},
          {"seccomp", worker.sandbox.seccomp},
          {"namespaces", worker.sandbox.namespaces},
          {"memoryLimit", worker.sandbox.memory_limit}};
}

Answer status(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const scanner::Freshness freshness, services.scan_updates.freshness());
  HF_TRY(json::array feeds, shown_feeds(services, call, freshness));
  HF_TRY(const auto state, services.advisories.state());
  const auto database = services.advisories.current();
  const std::string version = database ? database->info().version : "";
  const std::string built =
      database ? rfc3339(database->info().built_at) : std::string("0001-01-01T00:00:00Z");
  json::array sources;
  if (database) {
    for (const advisories::Source& source : database->info().sources) {
      sources.emplace_back(json::object{{"name", source.name},
                                        {"records", source.records},
                                        {"withdrawn", source.withdrawn},
                                        {"rejected", source.rejected}});
    }
  }
  json::object replica = {{"db_version", version},
                          {"db_updated_at", built},
                          {"version", version},
                          {"replica_id", services.host.replica_id}};
  return rest::json_response(
      200, json::object{{"state", database ? 1 : 0},
                        {"db_version", version},
                        {"db_updated_at", built},
                        {"scanner_version", scanner::kScannerVersion},
                        {"scannerVersion", scanner::kScannerVersion},
                        {"scanner_updated_at", built},
                        {"scannerUpdatedAt", built},
                        {"last_db_update_failed", !state.problem.empty()},
                        {"lastDBUpdateFailed", !state.problem.empty()},
                        {"lastVulnOverridesDBUpdateFailed", false},
                        {"replicas", json::object{{services.host.replica_id, std::move(replica)}}},
                        {"records", database ? database->info().records : 0},
                        {"newestRecordAt", database ? rfc3339(database->info().newest_at) : built},
                        {"sources", std::move(sources)},
                        {"problem", state.problem},
                        {"progress", state.progress},
                        {"rated", database ? database->info().rated : 0},
                        {"exploited", database ? database->info().exploited : 0},
                        {"online", services.scan_updates.may_fetch().has_value()},
                        {"triedAt", shown(state.tried_at)},
                        {"succeededAt", shown(state.succeeded_at)},
                        {"stale", freshness.is_stale},
                        {"feeds", std::move(feeds)},
                        {"worker", shown_worker(services.scan_worker)}});
}

}  // namespace

std::vector<rest::Route> advisory_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/imagescan/status", bound(services, status)},
      {.method = Method::put,
       .pattern = "/imagescan/scan/update",
       .handler = bound(services, update),
       .gate = rest::Gate::administrator,
       .file_folder = services.host.data_folder.string()},
  };
}

}  // namespace holdfast::api::dtr
