// /imagescan/…: scans asked for and shown.
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "api/dtr/handlers.hpp"
#include "api/dtr/scanned_image.hpp"
#include "scanner/lookup.hpp"
#include "scanner/sbom.hpp"
#include "scanner/scanner.hpp"
#include "scanner/trigger.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

using access::Action;
using holdfast::oci::Manifest;
using repos::Repository;

constexpr std::size_t kPlatforms = 128;
constexpr std::int64_t kLargestPage = 100;  // each row may have a whole report

// Those of the platform that is asked for; "" is any.
Result<std::vector<ScanTarget>> targets_of(const Services& services, const Repository& repository,
                                           std::string_view reference, std::string_view os,
                                           std::string_view architecture) {
  HF_TRY(const repos::Reference parsed, repos::parse_reference(reference));
  HF_TRY(const auto stored, services.content.manifest(repository.id, parsed));
  HF_TRY(ScanTarget target, scan_target(services, repository, *stored));
  std::vector<ScanTarget> targets;
  if (target.manifest.kind == holdfast::oci::ManifestKind::image) {
    targets.push_back(std::move(target));
  } else {
    for (const auto& child : target.manifest.children) {
      if (targets.size() >= kPlatforms) break;
      const auto image = services.content.manifest(repository.id, repos::Reference(child.digest));
      if (!image && image.error().code == ErrorCode::not_found) continue;
      HF_CHECK(image);
      HF_TRY(ScanTarget one, scan_target(services, repository, **image));
      if (scanner::is_scannable(one.manifest)) targets.push_back(std::move(one));
    }
  }
  std::erase_if(targets, [&](const ScanTarget& one) {
    return (!os.empty() && one.os != os) ||
           (!architecture.empty() && one.architecture != architecture);
  });
  if (targets.empty()) {
    return fail(ErrorCode::not_found, repos::kManifestUnknown,
                "the image has no such platform that could be scanned");
  }
  return targets;
}

// The name of the tag, or "" for a digest.
std::string_view tag_of(std::string_view reference) {
  return reference.contains(':') ? std::string_view() : reference;
}

Result<void> need_scanning(const Services& services) {
  HF_CHECK(services.scan_worker.need());
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
  for (const ScanTarget& target : targets) {
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
  for (const ScanTarget& target : targets) {
    HF_TRY(const ScannedImage image,
           scanned(services, *repository, tag_of(reference), target,
                   detail == ScanDetail::full ? ScanWith::report : ScanWith::counts));
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
  for (const ScanTarget& target : targets) {
    HF_TRY(ScannedImage image,
           scanned(services, *repository, tag_of(reference), target, ScanWith::report));
    image.names_authors = !call.caller.is_anonymous();
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
         scanned(services, *repository, tag_of(reference), targets.front(), ScanWith::report));
  http::Response response(200);
  response.field("Content-Type", "text/csv; charset=utf-8; header=present")
      .field("Content-Disposition",
             fmt::format("attachment; filename=\"{}-{}.csv\"", repository->name.repository(),
                         image.digest.text().substr(7, 12)))
      .field("Cache-Control", "no-store");
  response.text(findings_csv(image));
  return response;
}

struct Bill {
  holdfast::oci::Digest image;
  std::string_view media_type;
  std::string text;
  Timestamp made_at;
};

// Of the first platform that fits.
Result<Bill> bill_of(const Services& services, const Call& call, const Repository& repository) {
  const std::string format = call.text("format");
  const bool is_cyclonedx = format == "cyclonedx";
  if (!format.empty() && !is_cyclonedx && format != "spdx") {
    return fail(ErrorCode::invalid, rest::kQueryInvalid, "\"format\" must be spdx or cyclonedx");
  }
  const std::string& reference = call.parameters[2];
  HF_TRY(const auto targets,
         targets_of(services, repository, reference, call.text("os"), call.text("arch")));
  const ScanTarget& target = targets.front();
  HF_TRY(const auto scan, services.scans.find(target.digest));
  HF_TRY(const auto attached, services.attachments.read_ones(repository.id, target.digest));
  HF_TRY(const auto report, services.reports.find(target.digest, attached));
  const std::string host = services.host.name.empty() ? "" : services.host.name + "/";
  // Of the time of the scan: the same bytes for whoever asks again.
  const scanner::SbomSubject subject{
      .name = host + repository.name.text(),
      .tag = std::string(tag_of(reference)),
      .digest = target.digest,
      .made_at = scan && scan->completed_at ? *scan->completed_at : services.clock.now(),
      .version = services.host.version};
  return Bill{.image = target.digest,
              .media_type = is_cyclonedx ? scanner::kCyclonedxMediaType : scanner::kSpdxMediaType,
              .text = is_cyclonedx ? scanner::to_cyclonedx(*report, subject)
                                   : scanner::to_spdx(*report, subject),
              .made_at = subject.made_at};
}

Answer bill_of_materials(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(Bill bill, bill_of(services, call, *repository));
  http::Response response(200);
  response.field("Content-Type", bill.media_type).field("Cache-Control", "no-store");
  response.text(std::move(bill.text));
  return response;
}

// Puts it beside the image, where clients look for it.
Answer attach_bill(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::push));
  HF_TRY(const Bill bill, bill_of(services, call, *repository));
  HF_TRY(const auto image, services.content.manifest(repository->id, repos::Reference(bill.image)));
  HF_TRY(
      const holdfast::oci::Digest digest,
      services.attachments.attach(
          *repository, *image,
          {.media_type = bill.media_type, .bytes = bill.text, .created_at = rfc3339(bill.made_at)},
          call.actor()));
  return rest::json_response(201, json::object{{"digest", digest.text()},
                                               {"artifactType", bill.media_type},
                                               {"subject", bill.image.text()}});
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
             scanned(services, **repository, "", targets->front(), ScanWith::counts));
      if (!image.scan || !image.scan->checked_at) continue;
      const scanner::Counts counts =
          image.report ? image.waivers->left(*image.report, image.now) : image.scan->counts;
      shown[fmt::format("{}@{}", name, digest)] = shown_counts(counts);
    }
  }
  return rest::json_response(200, json::object{{"images", std::move(shown)}});
}

// Images that have something, where the caller may see them.
using Search = Result<scanner::Lookup::Found> (scanner::Lookup::*)(std::string_view,
                                                                   const scanner::Lookup::Page&);
template <Search Find>
Answer images_with(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const Page page, page_of(call));
  scanner::Lookup::Page from{.limit = std::min(page.size, kLargestPage),
                             .visible = access::visible_set(call.subject())};
  if (const std::size_t dash = page.start.find('-'); dash != std::string::npos) {
    from.after = {.image_id = number_after(page.start.substr(0, dash)),
                  .repository_id = number_after(page.start.substr(dash + 1))};
  }
  HF_TRY(const auto found, (services.scan_lookup.*Find)(call.parameters[0], from));
  std::string next;
  if (const auto& after = found.next) {
    next = fmt::format("{}-{}", after->image_id, after->repository_id);
  }
  json::array shown;
  for (const scanner::FoundImage& one : found.images) {
    HF_TRY(const auto repositories, services.repositories.find(std::span(&one.repository_id, 1)));
    if (repositories.empty()) continue;  // it has just gone
    const Repository& repository = repositories.front();
    if (!access::decide(call.subject(), Action::view, access::Object::of(repository))) continue;
    const auto stored = services.content.manifest(repository.id, repos::Reference(one.digest));
    if (!stored) continue;
    HF_TRY(const ScanTarget target, scan_target(services, repository, **stored));
    HF_TRY(ScannedImage image, scanned(services, repository, one.tag, target, ScanWith::report));
    image.names_authors = true;
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

}  // namespace

std::vector<rest::Route> imagescan_routes(const Services& services) {
  using http::Method;
  using scanner::Lookup;
  constexpr std::string_view kRepository =
      "/imagescan/scansummary/repositories/{namespace}/{repository}/{reference}";
  return {
      {Method::post, "/imagescan/scan", bound(services, scan_all)},
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
      {Method::post, "/holdfast/repositories/{namespace}/{repository}/manifests/{reference}/sbom",
       bound(services, attach_bill)},
      {Method::post, "/imagescan/scansummary/tags", bound(services, thin_summaries)},
      {Method::get, "/imagescan/scansummary/cve/{cve}",
       bound(services, images_with<&Lookup::with_vulnerability>)},
      {Method::get, "/imagescan/scansummary/component/{component}",
       bound(services, images_with<&Lookup::with_component>)},
      {Method::get, "/imagescan/scansummary/layer/{layer}",
       bound(services, images_with<&Lookup::with_layer>)},
      {Method::get, "/imagescan/scansummary/license/{license}",
       bound(services, images_with<&Lookup::with_license>)},
  };
}

}  // namespace holdfast::api::dtr
