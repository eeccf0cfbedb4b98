#include "scanning.hpp"

#include <filesystem>
#include <system_error>

#include "base/log.hpp"
#include "base/random.hpp"
#include "core.hpp"

namespace holdfast {

std::string scan_worker_path() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "holdfast-scan").string();
}

Scanning::Scanning(Core& core, const std::string& folder)
    : launcher(scan_worker_path()),
      layers(*core.database, core.clock),
      scans(*core.database, core.clock),
      advisories(*core.database, *core.blobs, core.clock, core.random, folder),
      reports(scans, layers, advisories),
      lookup(*core.database, reports, advisories),
      waivers(*core.database, core.clock, core.random),
      scanner({.repositories = core.repositories,
               .content = core.content,
               .images = core.images,
               .blobs = *core.blobs,
               .settings = core.settings,
               .launcher = launcher,
               .layers = layers,
               .scans = scans,
               .reports = reports,
               .advisories = advisories}),
      updates({.database = *core.database,
               .blobs = *core.blobs,
               .queue = core.jobs.queue,
               .launcher = launcher,
               .store = advisories,
               .clock = core.clock,
               .random = core.random}),
      trigger(*core.database, core.repositories, core.content, core.settings, core.jobs.queue,
              scans, core.clock, uuid(core.random)),
      subscription(core.database->subscribe(scanner::kChangedAdvisories,
                                            [this](std::string_view) { has_news = true; })) {}

void refresh_advisories(Scanning& scanning) {
  if (!scanning.has_news.exchange(false)) return;
  if (const auto refreshed = scanning.advisories.refresh(); !refreshed) {
    scanning.has_news = true;
    log::error("the advisories in force cannot be opened",
               {{"error", describe(refreshed.error())}});
  }
}

}  // namespace holdfast
