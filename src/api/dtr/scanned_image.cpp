#include "api/dtr/scanned_image.hpp"

#include <utility>

#include "scanner/scanner.hpp"

namespace holdfast::api::dtr {

using holdfast::oci::Manifest;
using repos::Repository;

Result<ScanTarget> scan_target(const Services& services, const Repository& repository,
                               const repos::StoredManifest& stored) {
  HF_TRY(Manifest manifest, holdfast::oci::parse_manifest(*stored.bytes, stored.media_type));
  HF_TRY(const auto config, services.images.config(repository.id, manifest));
  return ScanTarget{stored.digest, std::move(manifest), config ? config->os : "",
                    config ? config->architecture : ""};
}

Result<ScannedImage> scanned(const Services& services, const Repository& repository,
                             std::string_view tag, const ScanTarget& target, ScanWith with) {
  HF_TRY(auto scan, services.scan_results.find(repository.id, target.digest));
  HF_TRY(auto waivers, services.waivers.load(repository.id));
  ScannedImage image{.repository = repository,
                     .tag = std::string(tag),
                     .digest = target.digest,
                     .manifest = target.manifest,
                     .scan = std::move(scan),
                     .report = {},
                     .waivers = std::move(waivers),
                     .now = services.clock.now()};
  const bool is_known = image.scan && image.scan->completed_at;
  if (!is_known) return image;
  HF_TRY(const bool has_attached, services.scan_results.has_attached(repository.id, target.digest));
  if (with == ScanWith::report || !image.waivers->is_empty() || has_attached) {
    auto report = services.scan_results.report(repository.id, target.digest);
    if (!report && report.error().reason == scanner::kImageTooLarge) {
      image.scan->state = scanner::State::failed;
      image.scan->reason = report.error().message;
    } else {
      HF_TRY(image.report, std::move(report));
    }
  }
  return image;
}

}  // namespace holdfast::api::dtr
