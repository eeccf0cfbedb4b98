#include "feeds/states.hpp"

#include <algorithm>

namespace holdfast::feeds {

namespace {

constexpr db::Migration kMigrations[] = {
    {"feeds/0001-states", R"(CREATE TABLE feed_states (
        name {text} NOT NULL PRIMARY KEY,
        url {text} NOT NULL,
        etag {text} NOT NULL,
        last_modified {text} NOT NULL,
        digest {text} NOT NULL,
        bytes {int} NOT NULL,
        entries {int} NOT NULL,
        tried_at {int} NOT NULL,
        succeeded_at {int} NOT NULL,
        changed_at {int} NOT NULL,
        problem {text} NOT NULL))"},
};

std::optional<Timestamp> moment(const db::Row& row, int column) {
  if (row.integer(column) == 0) return std::nullopt;
  return from_micros(row.integer(column));
}
std::int64_t micros(const std::optional<Timestamp>& when) { return when ? to_micros(*when) : 0; }

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

Result<std::map<std::string, State, std::less<>>> States::load() {
  std::map<std::string, State, std::less<>> states;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    states.clear();
    return tx.query(
        "SELECT name, url, etag, last_modified, digest, bytes, entries, tried_at, succeeded_at, "
        "changed_at, problem FROM feed_states",
        {}, [&](const db::Row& row) -> Result<void> {
          states[row.string(0)] = {.name = row.string(0),
                                   .url = row.string(1),
                                   .validators = {row.string(2), row.string(3)},
                                   .digest = row.string(4),
                                   .bytes = row.integer(5),
                                   .entries = row.integer(6),
                                   .tried_at = moment(row, 7),
                                   .succeeded_at = moment(row, 8),
                                   .changed_at = moment(row, 9),
                                   .problem = row.string(10)};
          return {};
        });
  }));
  return states;
}

Result<void> States::put(db::Tx& tx, const State& state) {
  HF_CHECK(tx.execute(
      "INSERT INTO feed_states (name, url, etag, last_modified, digest, bytes, entries, tried_at, "
      "succeeded_at, changed_at, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
      "ON CONFLICT (name) DO UPDATE SET url = $2, etag = $3, last_modified = $4, digest = $5, "
      "bytes = $6, entries = $7, tried_at = $8, succeeded_at = $9, changed_at = $10, problem = $11",
      {state.name, state.url, state.validators.etag, state.validators.last_modified, state.digest,
       state.bytes, state.entries, micros(state.tried_at), micros(state.succeeded_at),
       micros(state.changed_at), state.problem}));
  return {};
}

Result<void> States::put(const State& state) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) { return put(tx, state); });
}

Result<void> States::keep(const std::vector<Feed>& feeds) {
  HF_TRY(const auto states, load());
  for (const auto& [name, state] : states) {
    if (std::ranges::find(feeds, name, &Feed::name) != feeds.end()) continue;
    HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
      HF_CHECK(tx.execute("DELETE FROM feed_states WHERE name = $1", {name}));
      return {};
    }));
  }
  return {};
}

}  // namespace holdfast::feeds
