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

// Whether a file begins as the archives do that are taken: what is wrong with others is told at
// once, and not by a job.
Result<bool> is_archive(const rest::Spool& spool, const rest::SpooledFile& file) {
  constexpr std::size_t kTarMark = 257;
  std::array<std::byte, kTarMark + 5> head{};
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
         (text.size() == head.size() && text.substr(kTarMark) == "ustar");
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(const rest::SpooledFile file,
         rest::file_in(*call.file, call.request.field("Content-Type").value_or("")));
  HF_TRY(const bool is_one, is_archive(*call.file, file));
  if (!is_one) {
    return fail(ErrorCode::invalid, rest::kFormInvalid,
                "send an archive of advisories: a zip or tar of OSV records");
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

Answer status(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
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
                        {"progress", state.progress}});
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
