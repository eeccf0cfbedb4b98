// New advisories: archives that somebody gave, and the feeds; imported and put in force.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "feeds/states.hpp"
#include "jobs/queue.hpp"
#include "jobs/run.hpp"
#include "requests/download.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/worker_state.hpp"
#include "settings/store.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kUpdateParametersInvalid =
    "update_parameters_invalid";  // invalid

inline constexpr std::string_view kFetchingOff = "advisories_offline";  // invalid

// The kind of job that run() is the work of, by DTR's name. One for both ways, so that they do not
// get in each other's way: it runs alone.
inline constexpr std::string_view kUpdateAction = "update_vuln_db";

// What the server's configuration says.
struct Fetching {
  bool is_online = true;  // false: nothing is ever asked
  requests::DownloadOptions download{};
};

struct UpdatesParts {
  db::Database& database;
  blob::Store& blobs;
  jobs::Queue& queue;
  worker::Launcher& launcher;
  AdvisoryStore& store;
  feeds::States& feed_states;
  settings::Store& settings;
  const WorkerState& worker_state;
  Fetching fetching;
  const Clock& clock;
  Random& random;
};

// How old what is in force is, by the last time that it was found to be the newest, or was given.
struct Freshness {
  std::optional<Timestamp> succeeded_at{};  // nothing: there never was any
  bool is_stale = false;                    // older than the setting allows
  std::vector<std::string> stale_feeds{};   // the same of single feeds, where they are asked
};

// Threads: any; all calls block.
class Updates {
 public:
  explicit Updates(const UpdatesParts& parts) : parts_(parts) {}

  // Keeps an archive and makes a job that imports it. `name` is the source that it replaces; "":
  // each record says it by its ecosystem. The job's id.
  Result<std::string> upload(const worker::Source& source, std::string_view name);

  // Whether feeds may be asked: invalid/kFetchingOff with what is off, unavailable/kScanningUnable.
  Result<void> may_fetch();
  // Makes a job that asks the feeds, at somebody's wish. The job's id. Errors of may_fetch().
  Result<std::string> fetch_soon(const events::Actor& actor);
  // The same of a registry that has no advisories, where it may.
  Result<void> fetch_first();

  Result<Freshness> freshness();

  // {"upload": digest, "source": name}: an archive that was uploaded; {}: the feeds. The last good
  // advisories stay when anything is wrong, as do those of a feed that fails. Images are compared
  // with the new ones by another job.
  Result<void> run(jobs::Run& run);

 private:
  Result<advisories::Info> import(jobs::Run& run, const worker::Source& source,
                                  std::string_view name);
  Result<void> fetch_all(jobs::Run& run);
  Result<void> compare_images();
  void tell(jobs::Run& run, std::int64_t count);

  const UpdatesParts parts_;
};

}  // namespace holdfast::scanner
