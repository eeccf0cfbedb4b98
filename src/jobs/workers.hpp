// The replicas that run jobs, as they are shown and steered.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "jobs/actions.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kWorkerUnknown = "worker_unknown";  // not_found
inline constexpr std::string_view kWorkerAlive = "worker_is_alive";   // conflict

struct Worker {
  std::string id;
  std::string address;
  CapacityMap capacity;
  bool is_alive = false;
  Timestamp heartbeat_ends{};  // until then it is taken for alive
};

// Threads: any. Blocks on the database. Everything it is given outlives it.
class Workers {
 public:
  Workers(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // All, by their ids.
  Result<std::vector<Worker>> list();
  // not_found/kWorkerUnknown.
  Result<Worker> find(std::string_view id);
  // Counts for the jobs that begin from now on. A key that is not there has no limit.
  // not_found/kWorkerUnknown, invalid/kJobInvalid.
  Result<void> set_capacity(std::string_view id, const CapacityMap& capacity,
                            const events::Actor& actor);
  // Forgets one that is gone. One that is alive only when `even_alive`: its jobs are taken for
  // lost, it hears of that and comes back. conflict/kWorkerAlive.
  Result<void> remove(std::string_view id, bool even_alive, const events::Actor& actor);

  // Forgets those that were not heard of for so long.
  Result<void> forget(std::chrono::seconds silent_for);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::jobs
