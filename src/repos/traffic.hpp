// Pulls and pushes of repositories, counted from the outbox of events.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::repos {

struct TrafficCounts {
  std::int64_t pulls = 0;   // manifests that were asked for by GET
  std::int64_t pushes = 0;  // tags that were set
};

// Threads: any; all calls block. What is not counted yet is in the events still, so a crash loses
// nothing.
class Traffic {
 public:
  Traffic(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Counts the events that came since the last call, in steps of a thousand and ten of them at
  // most; called every second. On a database that is shared with other replicas only those that are
  // some seconds old: ids are given before COMMIT there, and one that appears behind a later one
  // must not be passed over.
  Result<void> count_new();

  // Of each of these repositories that is there; a page of them at a time.
  Result<std::map<std::int64_t, TrafficCounts>> totals(
      std::span<const std::int64_t> repository_ids);

 private:
  Result<bool> count_step();

  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::repos
