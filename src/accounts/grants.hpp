// What teams were given: a level on a repository, or on all of a namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"
#include "accounts/teams.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kTeamForeign = "team_foreign";    // invalid
inline constexpr std::string_view kGrantUnknown = "grant_unknown";  // not_found

// DTR's words: "read-only", "read-write", "admin"; "none".
std::string_view name(Level level);
// Nothing for another word, "none" too.
std::optional<Level> parse_level(std::string_view text);

// What a team was given: on one repository, or (repository_id 0) on all of a namespace.
struct TeamAccess {
  Team team;
  Level level = Level::none;
};

// What was given to a team. The caller has found the repository in the organization's namespace.
// `repository` is its full name, for the event; empty for the whole namespace.
struct GrantTarget {
  std::int64_t namespace_id = 0;
  std::int64_t repository_id = 0;  // 0: the whole namespace
  std::string repository;
};

// Threads: any; all calls block.
class Grants {
 public:
  Grants(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // `team` must be of the organization whose namespace it is: kTeamForeign.
  Result<void> set(const Team& team, const GrantTarget& target, Level level,
                   const events::Actor& actor);
  // Nothing happens when there is none.
  Result<void> remove(const Team& team, const GrantTarget& target, const events::Actor& actor);
  // kGrantUnknown.
  Result<Level> find(const Team& team, const GrantTarget& target);
  // The teams with access by a grant on exactly this target, in the order of their names.
  Result<std::vector<TeamAccess>> of_target(const GrantTarget& target, std::string_view start,
                                            std::int64_t limit);
  // How many they are. O(what it counts).
  Result<std::int64_t> count(const GrantTarget& target);

  // What a team was given on single repositories: id and level, in the order of the ids.
  struct OnRepository {
    std::int64_t repository_id = 0;
    Level level = Level::none;
  };
  Result<std::vector<OnRepository>> of_team(const Team& team, std::int64_t after,
                                            std::int64_t limit);
  // How many they are. O(what it counts).
  Result<std::int64_t> count_of_team(const Team& team);

 private:
  db::Database& database_;
  const Clock& clock_;
};

// Takes what teams were given on a repository that goes away, in the caller's transaction.
Result<void> drop_grants(db::Tx& tx, std::int64_t namespace_id, std::int64_t repository_id);

}  // namespace holdfast::accounts
