// What became of each feed: a row, by its name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "feeds/feed.hpp"
#include "requests/download.hpp"

namespace holdfast::feeds {

std::span<const db::Migration> migrations();

struct State {
  std::string name{};
  std::string url{};
  requests::Validators validators{};  // of what is in force
  std::string digest{};               // SHA-256 of it, in hex
  std::int64_t bytes = 0;             // of the file as it came
  std::int64_t entries = 0;           // records, or CVEs
  std::optional<Timestamp> tried_at{};
  std::optional<Timestamp> succeeded_at{};  // also when nothing was new
  std::optional<Timestamp> changed_at{};
  std::string problem{};  // why the last try failed; "": it did not
};

// Threads: any. Blocks on the database.
class States {
 public:
  explicit States(db::Database& database) : database_(database) {}

  // All that are known, by their names.
  Result<std::map<std::string, State, std::less<>>> load();
  Result<void> put(const State& state);
  // In the caller's transaction.
  static Result<void> put(db::Tx& tx, const State& state);
  // Forgets all but those.
  Result<void> keep(const std::vector<Feed>& feeds);

 private:
  db::Database& database_;
};

}  // namespace holdfast::feeds
