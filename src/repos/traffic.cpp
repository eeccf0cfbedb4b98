#include "repos/traffic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <vector>

#include "events/events.hpp"

namespace holdfast::repos {

namespace {

constexpr int kStep = 1000;
constexpr int kStepsAtOnce = 10;
// Longer than any transaction of ours may take (the deadline of a statement on PostgreSQL).
constexpr std::chrono::seconds kSharedLag{15};

struct Sum {
  TrafficCounts counts;
  Timestamp last;  // the latest event that was counted
};

// Events of a repository that is gone, or of one that had the name before this one was made, count
// for nobody.
Result<void> add(db::Tx& tx, const std::string& name, const Sum& sum) {
  HF_CHECK(
      tx.execute("UPDATE repositories SET pulls = pulls + $2, pushes = pushes + $3 "
                 "WHERE full_name = $1 AND created_at <= $4",
                 {name, sum.counts.pulls, sum.counts.pushes, to_micros(sum.last)}));
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
      (event.type == events::Type::tag_pushed ? sum.counts.pushes : sum.counts.pulls) +=
          event.count;
    }
    more = last != 0 && std::ssize(fresh) == kStep && last == fresh.back().id;
    if (last == 0) return {};
    for (const auto& [name, sum] : sums) HF_CHECK(add(tx, name, sum));
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
    return tx.query(
        "SELECT 1 FROM events WHERE id > (SELECT COALESCE(max(last_event_id), 0) FROM "
        "traffic_cursor) LIMIT 1",
        {}, [&](const db::Row& /*row*/) -> Result<void> {
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

}  // namespace holdfast::repos
