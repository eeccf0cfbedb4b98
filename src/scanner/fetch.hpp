// Newer advisories from the feeds: what changed is downloaded and imported, all of it into one new
// set, and what fails leaves the rest alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "feeds/states.hpp"
#include "jobs/run.hpp"
#include "requests/download.hpp"
#include "scanner/advisory_store.hpp"
#include "settings/values.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kFeedsFailed = "feeds_failed";  // unavailable, invalid

struct FetchParts {
  worker::Launcher& launcher;
  AdvisoryStore& store;
  feeds::States& states;
  const Clock& clock;
};

struct Fetched {
  bool is_new = false;                  // whether other advisories are in force now
  std::vector<std::string> problems{};  // of feeds, "npm: its host answers 404"
  bool passes_by_itself = false;        // one of them, so that another try may help
};

// Asks every feed. An error is of everything: a stop, no room, the database. Blocks for as long as
// that takes.
Result<Fetched> fetch(const FetchParts& parts, const settings::Values& settings,
                      const requests::DownloadOptions& options, jobs::Run& run);

}  // namespace holdfast::scanner
