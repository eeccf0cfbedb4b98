#include "scanning.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "core.hpp"

namespace holdfast {

std::string scan_worker_path() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "holdfast-scan").string();
}

Scanning::Scanning(Core& core, const std::string& folder, const crypto::Sealer& sealer,
                   const std::string& external_url, scanner::Fetching fetching)
    : launcher(scan_worker_path()),
      layers(*core.database, core.clock),
      scans(*core.database, core.clock),
      advisories(*core.database, *core.blobs, core.clock, core.random, folder),
      feed_states(*core.database),
      reports(scans, layers, advisories),
      attachments(*core.database, core.content, core.uploads, layers),
      lookup(*core.database, reports, advisories),
      waivers(*core.database, core.clock, core.random),
      registrations(*core.database, sealer, core.clock, core.random),
      adapter_scans(*core.database, core.clock, core.random),
      results(*core.database, registrations, scans, reports, attachments, adapter_scans,
              core.clock),
      adapter({.repositories = core.repositories,
               .content = core.content,
               .images = core.images,
               .settings = core.settings,
               .tokens = *core.tokens,
               .registrations = registrations,
               .scans = adapter_scans,
               .external_url = external_url}),
      scanner({.repositories = core.repositories,
               .content = core.content,
               .images = core.images,
               .blobs = *core.blobs,
               .settings = core.settings,
               .launcher = launcher,
               .layers = layers,
               .scans = scans,
               .reports = reports,
               .advisories = advisories,
               .registrations = registrations,
               .adapter = adapter,
               .attachments = attachments}),
      updates({.database = *core.database,
               .blobs = *core.blobs,
               .queue = core.jobs.queue,
               .launcher = launcher,
               .store = advisories,
               .feed_states = feed_states,
               .settings = core.settings,
               .worker_state = worker_state,
               .fetching = std::move(fetching),
               .clock = core.clock,
               .random = core.random}),
      trigger(*core.database, core.repositories, core.content, core.settings, core.jobs.queue,
              registrations, results, attachments, core.clock, uuid(core.random)),
      subscription(core.database->subscribe(scanner::kChangedAdvisories,
                                            [this](std::string_view) { has_news = true; })) {}

namespace {

// Adds what was found in one image; false: nothing is known of it.
Result<bool> add_facts(Core& core, std::int64_t repository_id, const oci::Digest& digest,
                       pruning::ScanFacts& facts) {
  Scanning& scanning = *core.scanning;
  HF_TRY(const auto scan, scanning.results.find(repository_id, digest));
  if (!scan || !scan->checked_at) return false;
  HF_TRY(const auto report, scanning.results.report(repository_id, digest));
  HF_TRY(const auto waivers, scanning.waivers.load(repository_id));
  const scanner::Counts counts = waivers->left(*report, core.clock.now());
  facts.critical += counts.critical + counts.high;
  facts.major += counts.medium;
  facts.minor += counts.low;
  for (const scanner::Component& component : report->components) {
    if (!component.is_present) continue;
    facts.components.push_back(component.package.name);
    const auto& licenses = component.package.licenses;
    facts.licenses.insert(facts.licenses.end(), licenses.begin(), licenses.end());
  }
  return true;
}

}  // namespace

Result<std::optional<pruning::ScanFacts>> scan_facts(Core& core, std::int64_t repository_id,
                                                     const oci::Digest& digest) {
  HF_TRY(const auto stored, core.content.manifest(repository_id, repos::Reference(digest)));
  HF_TRY(const oci::Manifest manifest, oci::parse_manifest(*stored->bytes, stored->media_type));
  std::vector<oci::Digest> images;
  if (manifest.kind == oci::ManifestKind::image) images.push_back(digest);
  for (const oci::Descriptor& child : manifest.children) {
    if (!child.platform || child.platform->os != "unknown") images.push_back(child.digest);
  }
  pruning::ScanFacts facts;
  for (const oci::Digest& image : images) {
    HF_TRY(const bool is_known, add_facts(core, repository_id, image, facts));
    if (!is_known) return std::optional<pruning::ScanFacts>();
  }
  if (images.empty()) return std::optional<pruning::ScanFacts>();
  return std::optional(std::move(facts));
}

void refresh_advisories(Scanning& scanning) {
  if (!scanning.has_news.exchange(false)) return;
  if (const auto refreshed = scanning.advisories.refresh(); !refreshed) {
    scanning.has_news = true;
    log::error("the advisories in force cannot be opened",
               {{"error", describe(refreshed.error())}});
  }
}

}  // namespace holdfast
