#include "events/history.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>

#include "events/rows.hpp"

namespace holdfast::events {

namespace {

constexpr std::int64_t kChunkRows = 1000;
constexpr std::int64_t kScopedChunkRows = 300;
constexpr std::int64_t kTrimRows = 250;
constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

// What every branch of a statement has in its conditions, and what its parameters are.
struct Bounds {
  std::string_view repository;
  std::int64_t actor_id = 0;
  std::int64_t at = kEndless;  // from here backwards: (at, id) and before
  std::int64_t id = kEndless;
  std::int64_t at_least = 0;
};

Bounds bounds_of(const Filter& filter) {
  Bounds bounds{filter.repository, filter.repository.empty() ? filter.actor_id : 0};
  if (filter.before) bounds.at = to_micros(*filter.before) - 1;
  if (filter.after) bounds.at_least = to_micros(*filter.after) + 1;
  return bounds;
}

void start_at(Bounds& bounds, const Place& place) {
  if (to_micros(place.at) > bounds.at) return;
  bounds.at = to_micros(place.at);
  bounds.id = place.id;
}

// The condition that names the index, see the migration.
std::string_view index_condition(const Bounds& bounds) {
  if (!bounds.repository.empty()) return "repository = $5 AND repository <> ''";
  if (bounds.actor_id != 0) return "actor_id = $5 AND actor_id <> 0";
  return "count > 0";
}

// At most $4 keys of all types, the newest first. The bound stands in every branch as well: only
// then PostgreSQL merges indexes instead of sorting what it finds. Names of types are constants of
// ours.
std::string keys_sql(std::span<const Type> types, const Bounds& bounds) {
  std::string sql;
  for (const Type type : types) {
    if (!sql.empty()) sql += " UNION ALL ";
    sql += fmt::format(
        "SELECT * FROM (SELECT at, id FROM events WHERE type = '{}' AND (at, id) <= "
        "($1, $2) AND at >= $3 AND {} ORDER BY at DESC, id DESC LIMIT $4) AS {}",
        name(type), index_condition(bounds), name(type));
  }
  return sql + " ORDER BY at DESC, id DESC LIMIT $4";
}

// The same for a scope: an actor by types, namespaces whatever the type. An event may be in
// several.
std::string scoped_keys_sql(const Filter& filter, const Scope& scope) {
  std::string sql;
  const auto add = [&](std::string_view condition) {
    sql += fmt::format(
        "{}SELECT * FROM (SELECT at, id FROM events WHERE {} AND (at, id) <= ($1, $2) AND at >= $3 "
        "ORDER BY at DESC, id DESC LIMIT $4) AS part",
        sql.empty() ? "" : " UNION ", condition);
  };
  for (const Type type : filter.types) {
    add(fmt::format("type = '{}' AND actor_id = $5 AND actor_id <> 0", name(type)));
  }
  for (std::size_t i = 0; i < scope.namespaces.size(); ++i) {
    add(fmt::format("namespace = ${} AND namespace <> ''", i + 6));
  }
  return sql + " ORDER BY at DESC, id DESC LIMIT $4";
}

std::vector<db::Value> parameters(const Bounds& bounds, std::int64_t limit) {
  std::vector<db::Value> values = {bounds.at, bounds.id, bounds.at_least, limit};
  if (!bounds.repository.empty()) values.emplace_back(bounds.repository);
  if (bounds.actor_id != 0) values.emplace_back(bounds.actor_id);
  return values;
}

Result<std::vector<Event>> read_chunk(db::Database& database, const Filter& filter,
                                      const Bounds& bounds, std::int64_t limit) {
  const std::string sql = fmt::format(
      "SELECT {} FROM ({}) AS chosen JOIN events ON "
      "events.id = chosen.id ORDER BY events.at DESC, events.id DESC",
      kEventColumns,
      filter.scope ? scoped_keys_sql(filter, *filter.scope) : keys_sql(filter.types, bounds));
  std::vector<db::Value> values = parameters(bounds, limit);
  if (filter.scope) {
    values.resize(4);
    values.emplace_back(filter.scope->actor_id);
    for (const std::string& one : filter.scope->namespaces) values.emplace_back(one);
  }
  std::vector<Event> events;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    events.clear();
    return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
      events.push_back(event_of(row));
      return {};
    });
  }));
  return events;
}

bool passes(const Filter& filter, const Event& event) {
  if (filter.scope && std::ranges::find(filter.types, event.type) == filter.types.end()) {
    return false;
  }
  return (filter.actor_id == 0 || event.actor.account_id == filter.actor_id) &&
         (!filter.also || filter.also(event));
}

bool is_tested(const Filter& filter) {
  return filter.also || filter.scope || (filter.actor_id != 0 && !filter.repository.empty());
}

// The pulls are one kind, all other types together the other.
std::vector<std::vector<Type>> kinds() {
  std::vector<Type> rest;
  std::ranges::copy_if(types(), std::back_inserter(rest),
                       [](Type type) { return type != Type::manifest_pulled; });
  return {{Type::manifest_pulled}, std::move(rest)};
}

// The newest event that is too many or too old, of one kind.
Result<std::optional<Place>> last_to_go(db::Database& database, std::span<const Type> kind,
                                        const Retention& retention, Timestamp now) {
  std::optional<Place> last;
  if (retention.max_age.count() > 0)
    last = Place{now - retention.max_age - std::chrono::microseconds(1), kEndless};
  if (retention.keep == 0) return last;
  // The one behind the newest `keep`, when there are so many: O(keep) steps in an index.
  const std::string sql =
      fmt::format("SELECT at, id FROM ({}) AS kept ORDER BY at DESC, id DESC LIMIT 1 OFFSET $5",
                  keys_sql(kind, Bounds{}));
  std::vector<db::Value> values = parameters(Bounds{}, retention.keep + 1);
  values.emplace_back(retention.keep);
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
      const Place place{from_micros(row.integer(0)), row.integer(1)};
      if (!last || place.at > last->at) last = place;
      return {};
    });
  }));
  return last;
}

Result<std::int64_t> remove_until(db::Database& database, Type type, const Place& last) {
  std::int64_t removed = 0;
  HF_CHECK(database.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(removed,
           tx.execute("DELETE FROM events WHERE id IN (SELECT id FROM events WHERE type = $1 AND "
                      "(at, id) <= ($2, $3) AND count > 0 ORDER BY at, id LIMIT $4)",
                      {name(type), to_micros(last.at), last.id, kTrimRows}));
    return {};
  }));
  return removed;
}

// Digits and nothing else.
std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const char* const begin = text.data();
  const auto [end, problem] = std::from_chars(begin, begin + text.size(), number);
  if (problem != std::errc() || end != begin + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::string text(const Place& place) { return fmt::format("{}-{}", to_micros(place.at), place.id); }

std::optional<Place> parse_place(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto at = number_of(text.substr(0, dash));
  const auto id = number_of(text.substr(dash + 1));
  if (!at || !id) return std::nullopt;
  return Place{from_micros(*at), *id};
}

Result<Page> newest(db::Database& database, const Filter& filter, const std::optional<Place>& start,
                    std::int64_t limit) {
  Page page;
  if (filter.types.empty()) return page;
  Bounds bounds = bounds_of(filter);
  if (start) start_at(bounds, *start);
  const std::int64_t least = filter.scope ? kScopedChunkRows : kChunkRows;
  const std::int64_t chunk = is_tested(filter) ? std::max(limit + 1, least) : limit + 1;
  for (std::int64_t tested = 0; tested < kTestedAtMost || tested == 0; tested += chunk) {
    HF_TRY(std::vector<Event> events, read_chunk(database, filter, bounds, chunk));
    for (Event& event : events) {
      const Place place{event.at, event.id};
      if (!passes(filter, event)) continue;
      if (page.events.size() == static_cast<std::size_t>(limit)) {
        page.next = place;
        return page;
      }
      page.events.push_back(std::move(event));
    }
    if (events.size() < static_cast<std::size_t>(chunk)) return page;
    // Of what was moved from, time and id are still there.
    page.next = Place{events.back().at, events.back().id - 1};
    start_at(bounds, *page.next);
  }
  return page;
}

Result<std::optional<std::int64_t>> count(db::Database& database, const Filter& filter,
                                          std::int64_t most) {
  if (is_tested(filter)) return std::optional<std::int64_t>();
  std::optional<std::int64_t> counted = 0;
  if (filter.types.empty()) return counted;
  const Bounds bounds = bounds_of(filter);
  const std::string sql =
      fmt::format("SELECT count(*) FROM ({}) AS counted", keys_sql(filter.types, bounds));
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    return tx.query(sql, parameters(bounds, most), [&](const db::Row& row) -> Result<void> {
      counted = row.integer(0);
      return {};
    });
  }));
  return counted;
}

Result<std::int64_t> trim(db::Database& database, const Retention& retention, Timestamp now,
                          std::int64_t most) {
  std::int64_t total = 0;
  for (const std::vector<Type>& kind : kinds()) {
    HF_TRY(const auto last, last_to_go(database, kind, retention, now));
    if (!last) continue;
    for (const Type type : kind) {
      std::int64_t removed = kTrimRows;
      while (removed == kTrimRows && total < most) {
        HF_TRY(removed, remove_until(database, type, *last));
        total += removed;
      }
    }
  }
  return total;
}

}  // namespace holdfast::events
