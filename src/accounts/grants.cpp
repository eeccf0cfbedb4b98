#include "accounts/grants.hpp"

#include <fmt/format.h>

#include "accounts/rows.hpp"
#include "accounts/team_rows.hpp"

namespace holdfast::accounts {

namespace {

Result<void> check_home(const Team& team, const GrantTarget& target) {
  if (team.organization_id == target.namespace_id) return {};
  return fail(ErrorCode::invalid, kTeamForeign,
              fmt::format("the team {} is not of the organization that owns {}", team.name,
                          target.repository.empty() ? "the namespace" : target.repository));
}

// The team's path for events, read anew: its name may have changed, or it is gone by now.
Result<std::string> path_in(db::Tx& tx, const Team& team) {
  HF_TRY(const Account organization, account_in(tx, team.organization_id));
  HF_TRY(const Team now, team_in(tx, organization, team.uuid));
  return fmt::format("{}/{}", organization.name, now.name);
}

Result<std::int64_t> number_of(db::Database& database, std::string_view sql, std::int64_t first,
                               std::int64_t second) {
  std::int64_t number = 0;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    return tx.query(sql, {first, second}, [&](const db::Row& row) -> Result<void> {
      number = row.integer(0);
      return {};
    });
  }));
  return number;
}

}  // namespace

std::string_view name(Level level) {
  switch (level) {
    case Level::none:
      return "none";
    case Level::read_only:
      return "read-only";
    case Level::read_write:
      return "read-write";
    case Level::admin:
      return "admin";
  }
  return "none";
}

std::optional<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::read_only, Level::read_write, Level::admin}) {
    if (name(level) == text) return level;
  }
  return std::nullopt;
}

Result<void> Grants::set(const Team& team, const GrantTarget& target, Level level,
                         const events::Actor& actor) {
  HF_CHECK(check_home(team, target));
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    events::Event event = event_of(events::Type::access_granted, "", actor, clock_.now());
    HF_TRY(event.object, path_in(tx, team));
    HF_CHECK(tx.execute(
        "INSERT INTO grants (team_id, namespace_id, repository_id, level) VALUES "
        "($1, $2, $3, $4) ON CONFLICT (team_id, namespace_id, repository_id) DO "
        "UPDATE SET level = excluded.level",
        {team.id, target.namespace_id, target.repository_id, static_cast<std::int64_t>(level)}));
    HF_CHECK(tell_members(tx, team.id));
    event.repository = target.repository;
    event.detail = name(level);
    return events::append(tx, event);
  });
}

Result<void> Grants::remove(const Team& team, const GrantTarget& target,
                            const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    events::Event event = event_of(events::Type::access_revoked, "", actor, clock_.now());
    HF_TRY(event.object, path_in(tx, team));
    HF_TRY(const std::int64_t removed,
           tx.execute("DELETE FROM grants WHERE team_id = $1 AND namespace_id = $2 AND "
                      "repository_id = $3",
                      {team.id, target.namespace_id, target.repository_id}));
    if (removed == 0) return {};
    HF_CHECK(tell_members(tx, team.id));
    event.repository = target.repository;
    return events::append(tx, event);
  });
}

Result<Level> Grants::find(const Team& team, const GrantTarget& target) {
  std::optional<Level> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found,
           tx.find<Level>("SELECT level FROM grants WHERE team_id = $1 AND namespace_id = $2 AND "
                          "repository_id = $3",
                          {team.id, target.namespace_id, target.repository_id},
                          [](const db::Row& row) { return static_cast<Level>(row.integer(0)); }));
    return {};
  }));
  if (!found) {
    return fail(ErrorCode::not_found, kGrantUnknown,
                fmt::format("the team {} has no access of its own there", team.name));
  }
  return *found;
}

Result<std::vector<TeamAccess>> Grants::of_target(const GrantTarget& target, std::string_view start,
                                                  std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {}, g.level {} JOIN grants g ON g.team_id = teams.id WHERE g.namespace_id = $1 AND "
      "g.repository_id = $2 AND teams.name >= $3 ORDER BY teams.name LIMIT $4",
      kTeamColumns, kFromTeams);
  std::vector<TeamAccess> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(
        sql, {target.namespace_id, target.repository_id, start, limit},
        [&](const db::Row& row) -> Result<void> {
          found.push_back({team_of(row), static_cast<Level>(row.integer(kTeamColumnsCount))});
          return {};
        });
  }));
  return found;
}

Result<std::int64_t> Grants::count(const GrantTarget& target) {
  return number_of(database_,
                   "SELECT count(*) FROM grants WHERE namespace_id = $1 AND repository_id = $2",
                   target.namespace_id, target.repository_id);
}

Result<std::vector<Grants::OnRepository>> Grants::of_team(const Team& team, std::int64_t after,
                                                          std::int64_t limit) {
  std::vector<OnRepository> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(
        "SELECT repository_id, level FROM grants WHERE team_id = $1 AND namespace_id = $2 AND "
        "repository_id > $3 ORDER BY repository_id LIMIT $4",
        {team.id, team.organization_id, after, limit}, [&](const db::Row& row) -> Result<void> {
          found.push_back({row.integer(0), static_cast<Level>(row.integer(1))});
          return {};
        });
  }));
  return found;
}

Result<std::int64_t> Grants::count_of_team(const Team& team) {
  return number_of(database_,
                   "SELECT count(*) FROM grants WHERE team_id = $1 AND namespace_id = $2 AND "
                   "repository_id > 0",
                   team.id, team.organization_id);
}

Result<void> drop_grants(db::Tx& tx, std::int64_t namespace_id, std::int64_t repository_id) {
  HF_CHECK(tx.execute("DELETE FROM grants WHERE namespace_id = $1 AND repository_id = $2",
                      {namespace_id, repository_id}));
  return {};
}

}  // namespace holdfast::accounts
