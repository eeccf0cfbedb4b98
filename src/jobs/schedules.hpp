// The crons: which actions become jobs when. One for each action, as DTR has it.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
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
#include "jobs/queue.hpp"
#include "jobs/schedule.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kCronUnknown = "cron_unknown";  // not_found

struct Cron {
  std::string uuid;
  std::string action;
  std::string schedule;  // as it was given; see Schedule
  boost::json::object parameters;
  CapacityMap capacity;
  std::string deadline;
  std::string stop_timeout;
  std::int64_t retries = 0;
  Timestamp next_run{};
};

struct NewCron {
  std::string schedule{};
  NewJob job{};  // what is made; its scheduled_at means nothing
};

// Threads: any. Blocks on the database. Everything it is given outlives it.
class Schedules {
 public:
  Schedules(db::Database& database, const Actions& actions, Queue& queue, const Clock& clock,
            Random& random);

  // Makes the action's cron, or makes it another. invalid/kScheduleInvalid, invalid/kActionUnknown,
  // invalid/kJobInvalid.
  Result<Cron> set(const NewCron& cron, const events::Actor& actor);
  // The same of the program's own, the first time that this database hears of it: what was changed
  // or removed since stays so.
  Result<void> install(const NewCron& cron);
  // All, by the names of their actions.
  Result<std::vector<Cron>> list();
  // not_found/kCronUnknown.
  Result<Cron> find(std::string_view action);
  Result<void> remove(std::string_view action, const events::Actor& actor);

  // Makes the jobs that are due, but for those of which one waits already, and moves each cron to
  // its next time in the same transaction: of several replicas one makes the job. What was missed
  // while no replica ran is made once. How many crons were due.
  Result<std::int64_t> tick();

 private:
  Result<Cron> cron_from(const NewCron& wanted);
  Result<std::vector<Cron>> due(db::Tx& tx);

  db::Database& database_;
  const Actions& actions_;
  Queue& queue_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::jobs
