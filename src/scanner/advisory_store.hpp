// Which set of advisories is in force, on all replicas: a file in the blob store and one row that
// says so. Each replica opens a copy of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "advisories/database.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "events/events.hpp"

namespace holdfast::scanner {

// The topic of changes; the key is empty.
inline constexpr std::string_view kChangedAdvisories = "advisories";

inline constexpr std::string_view kOvertaken = "advisories_overtaken";  // unavailable

// The last attempt to get newer advisories.
struct UpdateState {
  std::optional<Timestamp> tried_at{};
  std::optional<Timestamp> succeeded_at{};
  std::string problem{};   // why the last one failed; "": it did not
  std::string progress{};  // of one that is under way, for people; "": none is
};

// Threads: any. Everything blocks but current().
class AdvisoryStore {
 public:
  // `folder` is where copies lie; nothing in it is needed after a restart.
  AdvisoryStore(db::Database& database, blob::Store& blobs, const Clock& clock, Random& random,
                std::string folder);
  ~AdvisoryStore();

  // What this replica looks things up in; null: there is none yet. What was given stays readable
  // as long as it is held.
  std::shared_ptr<advisories::Database> current();
  // Opens what is in force, if that is another one. At the start, and when told of a change.
  Result<void> refresh();

  // A path for a new file of this replica, in the folder for copies.
  std::string new_path();
  // A copy of what is in force, for an import to take over from.
  struct Base {
    std::string path{};    // the caller removes it; "": there is none, or one of another format
    std::string digest{};  // of what is in force, also when it cannot be taken over; "": nothing is
  };
  Result<Base> copy_of_current();
  // Puts a finished database file in force: stored, then one row, then the one before is let go.
  // One event. The file at `path` is taken. `base` is what it was made of: unavailable/kOvertaken
  // when that is no longer in force. `also` is done in the same transaction.
  Result<void> install(const std::string& path, const advisories::Info& info, const Base& base,
                       const events::Actor& actor,
                       const std::function<Result<void>(db::Tx&)>& also = {});

  Result<UpdateState> state();
  Result<void> begin_update(std::string_view progress);
  Result<void> progress(std::string_view progress);
  // What is in force was found to be the newest there is; `also` as for install().
  Result<void> still_good(const std::function<Result<void>(db::Tx&)>& also);
  // The last good ones stay. One event, but for a problem that was there before.
  Result<void> fail_update(std::string_view problem, const events::Actor& actor);

 private:
  struct InForce {
    std::string digest;
    std::string version;
  };
  Result<std::optional<InForce>> in_force();
  Result<std::string> local_copy(const InForce& wanted);

  db::Database& database_;
  blob::Store& blobs_;
  const Clock& clock_;
  Random& random_;
  const std::string folder_;
  std::mutex refreshing_;  // one refresh at a time
  std::mutex mutex_;       // guards current_
  std::shared_ptr<advisories::Database> current_;
  std::string unreadable_;  // the version in force, of which nothing can be read here
};

}  // namespace holdfast::scanner
