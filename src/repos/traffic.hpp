// Pulls and pushes of repositories, counted from the outbox of events.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::repos {

struct TrafficCounts {
  std::int64_t pulls = 0;   // manifests that were asked for by GET
  std::int64_t pushes = 0;  // tags that were set
};

struct TrafficDay {
  std::int64_t day = 0;  // since 1970-01-01, UTC
  TrafficCounts counts;
};

// Threads: any; all calls block. What is not counted yet is in the events still, so a crash loses
// nothing.
class Traffic {
 public:
  Traffic(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Counts the events that came since the last call, in steps of a thousand; called every second.
  // On a database that is shared with other replicas only those that are some seconds old: ids are
  // given before COMMIT there, and one that appears behind a later one must not be passed over.
  Result<void> count_new();

  // Of each of these repositories; one that has none is left out.
  Result<std::map<std::int64_t, TrafficCounts>> totals(
      std::span<const std::int64_t> repository_ids);
  // The days from `first_day` on that have any, in order.
  Result<std::vector<TrafficDay>> days(std::int64_t repository_id, std::int64_t first_day);

 private:
  Result<bool> count_step();

  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::repos
