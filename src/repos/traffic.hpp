// Pulls and pushes of repositories, counted from the outbox of events.
#pragma once

#include <chrono>
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

// Traffic over time, of a repository, of all that a namespace has or had, or of everything.
struct TrafficQuery {
  enum class Of : std::uint8_t { all, ns, repository };
  enum class Step : std::uint8_t { hour, day };
  Of of = Of::all;
  std::int64_t id = 0;  // of the repository or the namespace
  Step step = Step::day;
  Timestamp from{};
  Timestamp to{};  // not itself
};
struct TrafficPoint {
  Timestamp at;  // when the hour or the day (of UTC) begins
  TrafficCounts counts;
};
// How long hours and days are kept.
inline constexpr std::chrono::days kHoursKept{14};
inline constexpr std::chrono::days kDaysKept{731};

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

  // Hours or days in which something happened, in order; at most what is kept.
  Result<std::vector<TrafficPoint>> over_time(const TrafficQuery& query);

  // Forgets hours and days that are too old, some thousands at a time; called every hour.
  Result<void> forget_old();

 private:
  Result<bool> count_step();

  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::repos
