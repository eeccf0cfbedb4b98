// What has happened, read by people: newest first, filtered, page by page; and how long it is kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"

namespace holdfast::events {

// Where an event stands in the history: by its time, and among those of one time by its id.
struct Place {
  Timestamp at;
  std::int64_t id = 0;
};
// For URLs: "1764073000123456-42". parse_place gives nothing for what text() never gives.
std::string text(const Place& place);
std::optional<Place> parse_place(std::string_view text);

// The events of an actor, and those that concern accounts or their repositories.
struct Scope {
  std::int64_t actor_id = 0;
  std::vector<std::string> namespaces{};  // names of accounts, kNamespacesAtMost at most
};
inline constexpr std::size_t kNamespacesAtMost = 100;

// Which events. Everything but `also` is found by an index; where repository and actor are both
// given, the actor is tested on the way.
struct Filter {
  std::vector<Type> types;            // none: no event at all
  std::string repository{};           // empty: any, and none
  std::int64_t actor_id = 0;          // 0: anybody
  std::optional<Timestamp> after{};   // later than this
  std::optional<Timestamp> before{};  // earlier than this
  // Only these; not together with `repository`. Types are then tested on the way.
  std::optional<Scope> scope{};
  // A last test in memory, outside any transaction; empty: none.
  std::function<bool(const Event&)> also{};
};

struct Page {
  std::vector<Event> events;
  std::optional<Place> next;  // where the next page starts; nothing: there is no more
};

// Events that are tested at most for one page. A page that meets this bound has fewer events than
// asked for, perhaps none, and a `next`.
inline constexpr std::int64_t kTestedAtMost = 20'000;

// At most `limit` events, newest first, from `start` on (that event included; nothing: from the
// newest). Costs O(limit) whatever is stored, or O(kTestedAtMost) where events are tested. Blocks.
Result<Page> newest(db::Database& database, const Filter& filter, const std::optional<Place>& start,
                    std::int64_t limit);

// How many there are, counted up to `most`; nothing for filters that no index answers alone.
Result<std::optional<std::int64_t>> count(db::Database& database, const Filter& filter,
                                          std::int64_t most);

// How long events are kept. Pulls and all the rest are counted apart.
struct Retention {
  std::chrono::microseconds max_age{};  // 0: any age
  std::int64_t keep = 0;                // of pulls, and of the rest; 0: any number
};

// Removes the oldest events beyond `retention`, in transactions of a few hundred rows each; stops
// when `most` are removed. Gives how many were: `most` or more means that there may be others.
// Blocks; made to be called again and again by periodic work.
Result<std::int64_t> trim(db::Database& database, const Retention& retention, Timestamp now,
                          std::int64_t most);

}  // namespace holdfast::events
