// /imagescan/…: scans asked for and shown, advisories, overrides.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "api/dtr/handlers.hpp"
#include "api/dtr/scan_words.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/lookup.hpp"
#include "scanner/sbom.hpp"
#include "scanner/scanner.hpp"
#include "scanner/trigger.hpp"
#include "scanner/updates.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

using access::Action;
using holdfast::oci::Manifest;
using repos::Repository;

constexpr std::size_t kPlatforms = 128;
constexpr std::int64_t kLargestPage = 100;  // each row may have a whole report

// One image that a reference names: itself, or a platform of the index that it is.
struct Target {
  holdfast::oci::Digest digest;
  Manifest manifest;
  std::string os;
  std::string architecture;
};

Result<Target> target_of(const Services& services, const Repository& repository,
                         const repos::StoredManifest& stored) {
  HF_TRY(Manifest manifest, holdfast::oci::parse_manifest(*stored.bytes, stored.media_type));
  HF_TRY(const auto config, services.images.config(repository.id, manifest));
  return Target{stored.digest, std::move(manifest), config ? config->os : "",
                config ? config->architecture : ""};
}

// Those of the platform that is asked for; "" is any.
Result<std::vector<Target>> targets_of(const Services& services, const Repository& repository,
                                       std::string_view reference, std::string_view os,
                                       std::string_view architecture) {
  HF_TRY(const repos::Reference parsed, repos::parse_reference(reference));
  HF_TRY(const auto stored, services.content.manifest(repository.id, parsed));
  HF_TRY(Target target, target_of(services, repository, *stored));
  std::vector<Target> targets;
  if (target.manifest.kind == holdfast::oci::ManifestKind::image) {
    targets.push_back(std::move(target));
  } else {
    for (const auto& child : target.manifest.children) {
      if (targets.size() >= kPlatforms) break;
      const auto image = services.content.manifest(repository.id, repos::Reference(child.digest));
      if (!image && image.error().code == ErrorCode::not_found) continue;
      HF_CHECK(image);
      HF_TRY(Target one, target_of(services, repository, **image));
      if (scanner::is_scannable(one.manifest)) targets.push_back(std::move(one));
    }
  }
  std::erase_if(targets, [&](const Target& one) {
    return (!os.empty() && one.os != os) ||
           (!architecture.empty() && one.architecture != architecture);
  });
  if (targets.empty()) {
    return fail(ErrorCode::not_found, repos::kManifestUnknown,
                "the image has no such platform that could be scanned");
  }
  return targets;
}

enum class With { counts, report };

Result<ScannedImage> scanned(const Services& services, const Repository& repository,
                             std::string_view tag, const Target& target, With with) {
  HF_TRY(auto scan, services.scans.find(target.digest));
  HF_TRY(auto waivers, services.waivers.load());
  ScannedImage image{.repository = repository,
                     .tag = std::string(tag),
                     .digest = target.digest,
                     .manifest = target.manifest,
                     .scan = std::move(scan),
                     .report = {},
                     .waivers = std::move(waivers),
                     .now = services.clock.now()};
  const bool is_known = image.scan && image.scan->completed_at;
  if (is_known && (with == With::report || !image.waivers->is_empty())) {
    auto report = services.reports.find(target.digest);
    if (!report && report.error().reason == scanner::kImageTooLarge) {
      image.scan->state = scanner::State::failed;
      image.scan->reason = report.error().message;
    } else {
      HF_TRY(image.report, std::move(report));
    }
  }
  return image;
}

// The name of the tag, or "" for a digest.
std::string_view tag_of(std::string_view reference) {
  return reference.contains(':') ? std::string_view() : reference;
}

Result<void> need_scanning(const Services& services) {
  HF_TRY(const auto values, services.settings.load());
  if (values->scanning_enabled) return {};
  return fail(ErrorCode::invalid, scanner::kScanningOff,
              "scanning is switched off: an administrator can enable it with scanningEnabled");
}

Answer start_scan(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::start_scan));
  HF_CHECK(need_scanning(services));
  const std::string& reference = call.parameters[2];
  HF_TRY(const auto targets,
         targets_of(services, *repository, reference, call.parameters[3], call.parameters[4]));
  for (const Target& target : targets) {
    HF_CHECK(services.scan_trigger.request(*repository, target.digest, tag_of(reference),
                                           scanner::Trigger::Known::again));
  }
  return rest::json_response(200, json::object());
}

Answer old_summaries(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  const std::string& reference = call.parameters[2];
  const ScanDetail detail =
      call.text("detailed") == "false" ? ScanDetail::counts : ScanDetail::full;
  HF_TRY(const auto targets,
         targets_of(services, *repository, reference, call.text("os"), call.text("arch")));
  json::array shown;
  for (const Target& target : targets) {
    HF_TRY(const ScannedImage image,
           scanned(services, *repository, tag_of(reference), target,
                   detail == ScanDetail::full ? With::report : With::counts));
    shown.emplace_back(old_summary(image, detail));
  }
  return rest::json_response(200, shown);
}

Answer summaries(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  const std::string& reference = call.parameters[2];
  HF_TRY(const auto targets,
         targets_of(services, *repository, reference, call.text("os"), call.text("arch")));
  json::array shown;
  for (const Target& target : targets) {
    HF_TRY(const ScannedImage image,
           scanned(services, *repository, tag_of(reference), target, With::report));
    shown.emplace_back(scan_summary(image));
  }
  return rest::json_response(200, shown);
}

Answer export_findings(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  const std::string& reference = call.parameters[2];
  HF_TRY(const auto targets,
         targets_of(services, *repository, reference, call.text("os"), call.text("arch")));
  const std::string_view accept = call.request.field("Accept").value_or("");
  if (accept.contains("application/json")) return summaries(services, call);
  HF_TRY(const ScannedImage image,
         scanned(services, *repository, tag_of(reference), targets.front(), With::report));
  http::Response response(200);
  response.field("Content-Type", "text/csv; charset=utf-8; header=present")
      .field("Content-Disposition",
             fmt::format("attachment; filename=\"{}-{}.csv\"", repository->name.repository(),
                         image.digest.text().substr(7, 12)))
      .field("Cache-Control", "no-store");
  response.text(findings_csv(image));
  return response;
}

// A bill of materials of the first platform that fits.
Answer bill_of_materials(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  const std::string format = call.text("format");
  const bool is_cyclonedx = format == "cyclonedx";
  if (!format.empty() && !is_cyclonedx && format != "spdx") {
    return fail(ErrorCode::invalid, rest::kQueryInvalid, "\"format\" must be spdx or cyclonedx");
  }
  const std::string& reference = call.parameters[2];
  HF_TRY(const auto targets,
         targets_of(services, *repository, reference, call.text("os"), call.text("arch")));
  const Target& target = targets.front();
  HF_TRY(const auto scan, services.scans.find(target.digest));
  HF_TRY(const auto report, services.reports.find(target.digest));
  const std::string host = services.host.name.empty() ? "" : services.host.name + "/";
  // Of the time of the scan: the same bytes for whoever asks again.
  const scanner::SbomSubject subject{
      .name = host + repository->name.text(),
      .tag = std::string(tag_of(reference)),
      .digest = target.digest,
      .made_at = scan && scan->completed_at ? *scan->completed_at : services.clock.now(),
      .version = services.host.version};
  http::Response response(200);
  response
      .field("Content-Type", is_cyclonedx ? scanner::kCyclonedxMediaType : scanner::kSpdxMediaType)
      .field("Cache-Control", "no-store");
  response.text(is_cyclonedx ? scanner::to_cyclonedx(*report, subject)
                             : scanner::to_spdx(*report, subject));
  return response;
}

// Counts of many images at once: {"images": [{"name": "ns/name", "digest": …}]}.
Answer thin_summaries(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const auto images, call.fields.objects("images"));
  json::object shown;
  if (images) {
    if (images->size() > static_cast<std::size_t>(kLargestPage)) {
      return fail(ErrorCode::invalid, rest::kFieldInvalid, "at most 100 images can be asked for");
    }
    for (const rest::Fields& one : *images) {
      HF_TRY(const std::string name, one.required_text("name"));
      HF_TRY(const std::string digest, one.required_text("digest"));
      const auto parsed = holdfast::oci::RepositoryName::parse(name);
      if (!parsed) continue;
      const auto repository = find_repository(services, call, *parsed, Action::view);
      if (!repository) continue;
      const auto targets = targets_of(services, **repository, digest, "", "");
      if (!targets) continue;
      HF_TRY(const ScannedImage image,
             scanned(services, **repository, "", targets->front(), With::counts));
      if (!image.scan || !image.scan->checked_at) continue;
      const scanner::Counts counts =
          image.report ? image.waivers->left((*repository)->id, *image.report, image.now)
                       : image.scan->counts;
      shown[fmt::format("{}@{}", name, digest)] = shown_counts(counts);
    }
  }
  return rest::json_response(200, json::object{{"images", std::move(shown)}});
}

// Images that have something, where the caller may see them.
using Search = Result<std::vector<scanner::FoundImage>> (scanner::Lookup::*)(
    std::string_view, const scanner::Lookup::Page&);
template <Search Find>
Answer images_with(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(Page page, page_of(call));
  page.size = std::min(page.size, kLargestPage);
  scanner::Lookup::Page from{.limit = page.size + 1};
  if (const std::size_t dash = page.start.find('-'); dash != std::string::npos) {
    from.after_image = number_after(page.start.substr(0, dash));
    from.after_repository = number_after(page.start.substr(dash + 1)) - 1;
  }
  HF_TRY(auto found, (services.scan_lookup.*Find)(call.parameters[0], from));
  std::string next;
  if (std::ssize(found) > page.size) {
    next = fmt::format("{}-{}", found.back().image_id, found.back().repository_id);
    found.pop_back();
  }
  json::array shown;
  for (const scanner::FoundImage& one : found) {
    HF_TRY(const auto repositories, services.repositories.find(std::span(&one.repository_id, 1)));
    if (repositories.empty()) continue;
    const Repository& repository = repositories.front();
    if (!access::decide(call.subject(), Action::view, access::Object::of(repository))) continue;
    const auto stored = services.content.manifest(repository.id, repos::Reference(one.digest));
    if (!stored) continue;
    HF_TRY(const Target target, target_of(services, repository, **stored));
    HF_TRY(const ScannedImage image, scanned(services, repository, one.tag, target, With::report));
    shown.emplace_back(scan_summary(image));
  }
  return page_response(shown, next, std::nullopt);
}

Answer scan_all(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto check, call.fields.flag("check"));
  HF_TRY(const auto scan, call.fields.flag("scan"));
  if (!check.value_or(false) && !scan.value_or(false)) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid,
                "\"scan\" or \"check\" must be true: what is stored is compared with the "
                "advisories again; images are scanned when they are pushed or asked for");
  }
  HF_CHECK(need_scanning(services));
  HF_CHECK(
      services.jobs.queue.enqueue({.action = std::string(scanner::kCheckAllAction)}, call.actor()));
  return rest::json_response(200, json::object());
}

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

Answer list_overrides(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const auto waivers, services.waivers.load());
  json::array shown;
  for (const scanner::Waiver& waiver : waivers->all()) {
    if (waiver.repository_id == 0) shown.emplace_back(shown_waiver(waiver));
  }
  return rest::json_response(200, shown);
}

Answer add_override(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto layer, holdfast::oci::Digest::parse(call.parameters[0]));
  scanner::Waiver waiver{.layer = layer.text()};
  HF_TRY(waiver.vulnerability, call.fields.required_text("cve"));
  HF_TRY(waiver.component, call.fields.required_text("component"));
  HF_TRY(waiver.version, call.fields.required_text("componentVersion"));
  HF_TRY(const auto notes, call.fields.text("notes"));
  waiver.notes = notes.value_or("");
  HF_TRY(const auto expires, call.fields.text("expiresAt"));
  if (expires && !expires->empty()) {
    waiver.expires_at = parse_rfc3339(*expires);
    if (!waiver.expires_at) {
      return fail(ErrorCode::invalid, rest::kFieldInvalid, "\"expiresAt\" must be a time");
    }
  }
  HF_TRY(const scanner::Waiver made, services.waivers.add(std::move(waiver), call.actor()));
  return rest::json_response(200, shown_waiver(made));
}

Answer remove_override(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_CHECK(services.waivers.remove(call.parameters[0], call.actor()));
  return rest::json_response(200, json::object());
}

}  // namespace

std::vector<rest::Route> imagescan_routes(const Services& services) {
  using http::Method;
  using scanner::Lookup;
  constexpr std::string_view kRepository =
      "/imagescan/scansummary/repositories/{namespace}/{repository}/{reference}";
  return {
      {Method::get, "/imagescan/status", bound(services, status)},
      {Method::post, "/imagescan/scan", bound(services, scan_all)},
      {.method = Method::put,
       .pattern = "/imagescan/scan/update",
       .handler = bound(services, update),
       .gate = rest::Gate::administrator,
       .file_folder = services.host.data_folder.string()},
      {Method::post, "/imagescan/scan/{namespace}/{repository}/{tag}/{os}/{arch}",
       bound(services, start_scan)},
      {Method::get, "/imagescan/repositories/{namespace}/{repository}/{tag}",
       bound(services, old_summaries)},
      {Method::get, kRepository, bound(services, summaries)},
      {Method::get,
       "/imagescan/scansummary/repositories/{namespace}/{repository}/{reference}/export",
       bound(services, export_findings)},
      {Method::get, "/holdfast/repositories/{namespace}/{repository}/manifests/{reference}/sbom",
       bound(services, bill_of_materials)},
      {Method::post, "/imagescan/scansummary/tags", bound(services, thin_summaries)},
      {Method::get, "/imagescan/scansummary/cve/{cve}",
       bound(services, images_with<&Lookup::with_vulnerability>)},
      {Method::get, "/imagescan/scansummary/component/{component}",
       bound(services, images_with<&Lookup::with_component>)},
      {Method::get, "/imagescan/scansummary/layer/{layer}",
       bound(services, images_with<&Lookup::with_layer>)},
      {Method::get, "/imagescan/scansummary/license/{license}",
       bound(services, images_with<&Lookup::with_license>)},
      {Method::get, "/imagescan/layeroverride", bound(services, list_overrides)},
      {Method::post, "/imagescan/layeroverride/{id}", bound(services, add_override)},
      {Method::del, "/imagescan/layeroverride/{id}", bound(services, remove_override)},
  };
}

}  // namespace holdfast::api::dtr
