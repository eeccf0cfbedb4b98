// Collects garbage beside everything else, a step at a time. A step may be the last one of the
// process at any point: what it did is whole, and the next run goes on from the database.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "gc/runs.hpp"
#include "repos/content.hpp"
#include "repos/kept.hpp"
#include "repos/loose.hpp"
#include "settings/store.hpp"
#include "uploads/uploads.hpp"

namespace holdfast::gc {

struct Progress {
  Phase phase = Phase::search_manifests;
  Totals totals;
};

struct Status {
  std::vector<RunRow> runs;  // newest first
  repos::Waiting waiting;    // each counted to kWaitingCounted at most
  Cursors cursors;
};
inline constexpr std::int64_t kWaitingCounted = 100'000;

// From where a run reads what older builds did not write down: where the last search stopped (anew
// every week), or the front.
enum class Search { when_due, anew };

// Threads: any; all calls block. The parts outlive it.
class Collector {
 public:
  Collector(db::Database& database, repos::Content& content, blob::Store& blobs,
            uploads::Uploads& uploads, settings::Store& settings, const Clock& clock,
            Random& random);

  // Gives the id of a new run. conflict/kGcRunning while there is one in any replica.
  Result<std::string> begin(Scope scope, Search search = Search::when_due);
  // Works on for about `budget`, pauses included that pushes are given, or until `stop` says so.
  // Phase::done: nothing is left. conflict/kGcRunEnded; after another error the run can go on.
  Result<Progress> step(
      std::string_view run, std::chrono::milliseconds budget,
      const std::function<bool()>& stop = [] { return false; });
  // Ends a run before it is done. No error when it has ended.
  Result<void> end(std::string_view run);

  Result<Status> status();

  // Why a digest is stored: sentences for people, bounded. not_found/repos::kBlobUnknown when it is
  // not.
  Result<std::vector<std::string>> explain(const oci::Digest& digest);

 private:
  struct Now;  // one step's view

  Result<bool> page(Now& now);
  Result<bool> search_manifests(Now& now);
  Result<bool> remove_manifests(Now& now);
  Result<bool> remove_links(Now& now);
  Result<bool> search_blobs(Now& now);
  Result<bool> remove_blobs(Now& now);
  Result<bool> remove_files(Now& now);
  Result<void> remove_file(Now& now, const blob::ListedBlob& file);
  Result<bool> pushes_go_on(Now& now);

  db::Database& database_;
  blob::Store& blobs_;
  uploads::Uploads& uploads_;
  settings::Store& settings_;
  const Clock& clock_;
  Random& random_;
  repos::Loose loose_;
};

}  // namespace holdfast::gc
