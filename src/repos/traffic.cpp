#include "repos/traffic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <tuple>
#include <vector>

#include "events/events.hpp"

namespace holdfast::repos {

namespace {

constexpr int kStep = 1000;
constexpr int kStepsAtOnce = 10;
// Longer than any transaction of ours may take (the deadline of a statement on PostgreSQL).
constexpr std::chrono::seconds kSharedLag{15};

constexpr int kForgottenRows = 500;
constexpr int kForgettingSteps = 20;

using Of = TrafficQuery::Of;
using Step = TrafficQuery::Step;

void add_to(TrafficCounts& sum, const TrafficCounts& more) {
  sum.pulls += more.pulls;
  sum.pushes += more.pushes;
}

Timestamp begin_of(Step step, Timestamp at) {
  if (step == Step::hour) return std::chrono::floor<std::chrono::hours>(at);
  return std::chrono::floor<std::chrono::days>(at);
}

// What the events of one name amount to.
struct Sum {
  std::map<Timestamp, TrafficCounts> hours;
  Timestamp last;  // the latest event that was counted
};

// Counts by what, whose, which step and when.
using Buckets = std::map<std::tuple<Of, std::int64_t, Step, Timestamp>, TrafficCounts>;

// Events of a repository that is gone, or of one that had the name before this one was made, count
// for nobody.
Result<void> add(db::Tx& tx, const std::string& name, const Sum& sum, Buckets& buckets) {
  struct Ids {
    std::int64_t repository = 0;
    std::int64_t ns = 0;
  };
  HF_TRY(const auto ids,
         tx.find<Ids>("SELECT id, namespace_id FROM repositories WHERE full_name = $1 AND "
                      "created_at <= $2",
                      {name, to_micros(sum.last)},
                      [](const db::Row& row) { return Ids{row.integer(0), row.integer(1)}; }));
  if (!ids) return {};
  TrafficCounts all;
  for (const auto& [hour, counts] : sum.hours) {
    add_to(all, counts);
    for (const Step step : {Step::hour, Step::day}) {
      const Timestamp begin = begin_of(step, hour);
      add_to(buckets[{Of::repository, ids->repository, step, begin}], counts);
      add_to(buckets[{Of::ns, ids->ns, step, begin}], counts);
      add_to(buckets[{Of::all, 0, step, begin}], counts);
    }
  }
  HF_CHECK(
      tx.execute("UPDATE repositories SET pulls = pulls + $2, pushes = pushes + $3 WHERE id = $1",
                 {ids->repository, all.pulls, all.pushes}));
  return {};
}

Result<void> store(db::Tx& tx, const Buckets& buckets) {
  for (const auto& [key, counts] : buckets) {
    const auto& [of, id, step, begin] = key;
    HF_CHECK(
        tx.execute("INSERT INTO traffic (of_what, of_id, step, begins_at, pulls, pushes) "
                   "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (of_what, of_id, step, begins_at) "
                   "DO UPDATE SET pulls = traffic.pulls + $5, pushes = traffic.pushes + $6",
                   {static_cast<std::int64_t>(of), id, static_cast<std::int64_t>(step),
                    to_micros(begin), counts.pulls, counts.pushes}));
  }
  return {};
}

}  // namespace

Result<bool> Traffic::count_step() {
  bool more = false;
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto cursor,
           tx.find<std::int64_t>("SELECT last_event_id FROM traffic_cursor", {},
                                 [](const db::Row& row) { return row.integer(0); }));
    HF_TRY(const std::vector<events::Event> fresh, events::list(tx, cursor.value_or(0), kStep));
    const Timestamp until = database_.is_shared() ? clock_.now() - kSharedLag : Timestamp::max();
    std::map<std::string, Sum> sums;
    std::int64_t last = 0;
    for (const events::Event& event : fresh) {
      if (event.at > until) break;
      last = event.id;
      if (event.type == events::Type::repository_created) sums.erase(event.repository);
      if (event.type != events::Type::manifest_pulled && event.type != events::Type::tag_pushed) {
        continue;
      }
      Sum& sum = sums[event.repository];
      sum.last = event.at;
      TrafficCounts& hour = sum.hours[begin_of(Step::hour, event.at)];
      (event.type == events::Type::tag_pushed ? hour.pushes : hour.pulls) += event.count;
    }
    more = last != 0 && std::ssize(fresh) == kStep && last == fresh.back().id;
    if (last == 0) return {};
    Buckets buckets;
    for (const auto& [name, sum] : sums) HF_CHECK(add(tx, name, sum, buckets));
    HF_CHECK(store(tx, buckets));
    HF_CHECK(
        tx.execute("INSERT INTO traffic_cursor (one, last_event_id) VALUES (1, $1) "
                   "ON CONFLICT (one) DO UPDATE SET last_event_id = $1",
                   {last}));
    return {};
  }));
  return more;
}

Result<void> Traffic::count_new() {
  // Without this look every second would write.
  bool any = false;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    any = false;
    HF_TRY(const auto last,
           tx.find<std::int64_t>("SELECT last_event_id FROM traffic_cursor", {},
                                 [](const db::Row& row) { return row.integer(0); }));
    // The order makes PostgreSQL look in the index instead of through the table.
    return tx.query("SELECT 1 FROM events WHERE id > $1 ORDER BY id LIMIT 1", {last.value_or(0)},
                    [&](const db::Row& /*row*/) -> Result<void> {
                      any = true;
                      return {};
                    });
  }));
  for (int step = 0; any && step < kStepsAtOnce; ++step) {
    HF_TRY(any, count_step());
  }
  return {};
}

Result<std::map<std::int64_t, TrafficCounts>> Traffic::totals(
    std::span<const std::int64_t> repository_ids) {
  std::map<std::int64_t, TrafficCounts> found;
  if (repository_ids.empty()) return found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(fmt::format("SELECT id, pulls, pushes FROM repositories WHERE id IN ({})",
                                fmt::join(repository_ids, ", ")),
                    {}, [&](const db::Row& row) -> Result<void> {
                      found[row.integer(0)] = {row.integer(1), row.integer(2)};
                      return {};
                    });
  }));
  return found;
}

Result<std::vector<TrafficPoint>> Traffic::over_time(const TrafficQuery& query) {
  std::vector<TrafficPoint> points;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    points.clear();
    return tx.query(
        "SELECT begins_at, pulls, pushes FROM traffic WHERE of_what = $1 AND of_id = $2 AND "
        "step = $3 AND begins_at >= $4 AND begins_at < $5 ORDER BY begins_at",
        {static_cast<std::int64_t>(query.of), query.id, static_cast<std::int64_t>(query.step),
         to_micros(begin_of(query.step, query.from)), to_micros(query.to)},
        [&](const db::Row& row) -> Result<void> {
          points.push_back({from_micros(row.integer(0)), {row.integer(1), row.integer(2)}});
          return {};
        });
  }));
  return points;
}

Result<void> Traffic::forget_old() {
  const auto forget = [&](Step step, std::chrono::days kept) -> Result<std::int64_t> {
    std::int64_t removed = 0;
    HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
      HF_TRY(removed,
             tx.execute("DELETE FROM traffic WHERE (of_what, of_id, step, begins_at) IN "
                        "(SELECT of_what, of_id, step, begins_at FROM traffic WHERE step = $1 AND "
                        "begins_at < $2 ORDER BY begins_at LIMIT $3)",
                        {static_cast<std::int64_t>(step), to_micros(clock_.now() - kept),
                         kForgottenRows}));
      return {};
    }));
    return removed;
  };
  for (const auto& [step, kept] :
       {std::pair(Step::hour, kHoursKept), std::pair(Step::day, kDaysKept)}) {
    std::int64_t removed = kForgottenRows;
    for (int i = 0; i < kForgettingSteps && removed == kForgottenRows; ++i) {
      HF_TRY(removed, forget(step, kept));
    }
  }
  return {};
}

}  // namespace holdfast::repos
