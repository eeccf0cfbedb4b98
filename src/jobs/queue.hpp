// The jobs: made, found, canceled, forgotten. Runner (runner.hpp) runs them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "jobs/actions.hpp"
#include "jobs/job.hpp"

namespace holdfast::jobs {

// Which jobs, newest first. Empty: any.
struct JobQuery {
  std::string action{};
  std::string worker{};
  std::optional<bool> running{};
  std::int64_t start = 0;  // how many to pass over: costs by the row
  std::int64_t limit = 10;
};

// How much of what is over is kept.
struct Retention {
  std::chrono::seconds max_age{0};  // 0: of any age
  std::int64_t to_keep = 0;         // 0: any number
};

struct Counts {
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  std::int64_t failed = 0;  // ended in error within the last day; 10,000 stand for any more
};

// An action whose jobs failed within the last day and none since went well.
struct Failing {
  std::string action;
  std::int64_t count = 0;  // 1,000 stand for any more
  std::string last_job;    // uuid
};

// Threads: any. Blocks on the database. Everything it is given outlives it.
class Queue {
 public:
  Queue(db::Database& database, const Actions& actions, const Clock& clock, Random& random);

  // Makes a job at somebody's wish; one event. invalid/kActionUnknown, invalid/kJobInvalid.
  Result<Job> enqueue(const NewJob& job, const events::Actor& actor);
  // Makes a job of the program's own in the caller's transaction; no event.
  Result<Job> enqueue(db::Tx& tx, const NewJob& job);
  // The same, but for nothing when one with this action and these parameters waits already.
  // Whether it was made.
  Result<bool> enqueue_once(db::Tx& tx, const NewJob& job);

  // not_found/kJobUnknown.
  Result<Job> find(std::string_view uuid);
  Result<std::vector<Job>> list(const JobQuery& query);
  // Lines numbered `offset` and up, at most `limit`, and fewer when they are very long.
  Result<std::vector<LogLine>> logs(std::string_view uuid, std::int64_t offset, std::int64_t limit);
  // A job that waits never runs; one that runs is told to stop, and gets its status when it has
  // ended. Nothing for one that is over. not_found/kJobUnknown.
  Result<void> cancel(std::string_view uuid, const events::Actor& actor);
  // Forgets a job and its log. not_found/kJobUnknown; conflict/kJobRunning.
  Result<void> remove(std::string_view uuid, const events::Actor& actor);
  // Forgets jobs that are over, oldest first, about `most` at once. How many.
  Result<std::int64_t> forget(const Retention& retention, std::int64_t most);

  Result<Counts> counts();
  Result<std::vector<Failing>> failing();

 private:
  Result<bool> waits_already(db::Tx& tx, const NewJob& job);

  db::Database& database_;
  const Actions& actions_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::jobs
