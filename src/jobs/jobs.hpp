// All of this module but the worker, as a program has it.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "db/database.hpp"
#include "jobs/action_configs.hpp"
#include "jobs/actions.hpp"
#include "jobs/queue.hpp"
#include "jobs/schedules.hpp"
#include "jobs/workers.hpp"

namespace holdfast::jobs {

// Everything it is given outlives it.
struct Jobs {
  Jobs(db::Database& database, const Clock& clock, Random& random)
      : queue(database, actions, clock, random),
        schedules(database, actions, queue, clock, random),
        configs(database, actions, clock, random),
        workers(database, clock) {}
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  Actions actions;
  Queue queue;
  Schedules schedules;
  ActionConfigs configs;
  Workers workers;
};

}  // namespace holdfast::jobs
