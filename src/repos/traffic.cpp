#include "repos/traffic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <utility>

#include "events/events.hpp"

namespace holdfast::repos {

namespace {

constexpr int kStep = 1000;
// Longer than any transaction of ours may take (the deadline of a statement on PostgreSQL).
constexpr std::chrono::seconds kSharedLag{15};

std::int64_t day_of(Timestamp at) {
  return std::chrono::floor<std::chrono::days>(at).time_since_epoch().count();
}

Result<void> add(db::Tx& tx, const std::string& name, std::int64_t day,
                 const TrafficCounts& counts) {
  // Events of a repository that is gone, or of one that had the name before, count for nobody.
  HF_CHECK(tx.execute(
      "INSERT INTO repository_traffic (repository_id, day, pulls, pushes) "
      "SELECT id, $2, $3, $4 FROM repositories WHERE full_name = $1 "
      "ON CONFLICT (repository_id, day) DO UPDATE SET pulls = repository_traffic.pulls + $3, "
      "pushes = repository_traffic.pushes + $4",
      {name, day, counts.pulls, counts.pushes}));
  HF_CHECK(tx.execute(
      "UPDATE repositories SET pulls = pulls + $2, pushes = pushes + $3 WHERE full_name = $1",
      {name, counts.pulls, counts.pushes}));
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
    std::map<std::pair<std::string, std::int64_t>, TrafficCounts> sums;
    std::int64_t last = 0;
    for (const events::Event& event : fresh) {
      if (event.at > until) break;
      last = event.id;
      if (event.repository.empty()) continue;
      const std::pair key(event.repository, day_of(event.at));
      if (event.type == events::Type::repository_created) {
        std::erase_if(sums, [&](const auto& sum) { return sum.first.first == event.repository; });
      } else if (event.type == events::Type::manifest_pulled) {
        sums[key].pulls += event.count;
      } else if (event.type == events::Type::tag_pushed) {
        sums[key].pushes += event.count;
      }
    }
    more = last != 0 && std::ssize(fresh) == kStep && last == fresh.back().id;
    if (last == 0) return {};
    for (const auto& [key, counts] : sums) HF_CHECK(add(tx, key.first, key.second, counts));
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
  while (any) {
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

Result<std::vector<TrafficDay>> Traffic::days(std::int64_t repository_id, std::int64_t first_day) {
  std::vector<TrafficDay> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(
        "SELECT day, pulls, pushes FROM repository_traffic WHERE repository_id = $1 AND day >= $2 "
        "ORDER BY day",
        {repository_id, first_day}, [&](const db::Row& row) -> Result<void> {
          found.push_back({row.integer(0), {row.integer(1), row.integer(2)}});
          return {};
        });
  }));
  return found;
}

}  // namespace holdfast::repos
