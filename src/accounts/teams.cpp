#include "accounts/teams.hpp"

#include <fmt/format.h>

#include "accounts/membership.hpp"
#include "accounts/rows.hpp"
#include "accounts/team_rows.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kDescriptionMaxBytes = 1024;

std::string path(const Account& organization, const Team& team) {
  return fmt::format("{}/{}", organization.name, team.name);
}

Group group_of(const Team& team) {
  return {GroupKind::team, team.id, fmt::format("the team {}", team.name)};
}

}  // namespace

Team team_of(const db::Row& row, int first) {
  return {row.integer(first),    row.string(first + 1), row.integer(first + 2),
          row.string(first + 3), row.string(first + 4), row.string(first + 5),
          row.integer(first + 6)};
}

Result<Team> team_in(db::Tx& tx, const Account& organization, std::string_view team) {
  static const std::string by_name =
      fmt::format("SELECT {} {} WHERE teams.organization_id = $1 AND teams.name = $2", kTeamColumns,
                  kFromTeams);
  static const std::string by_uuid =
      fmt::format("SELECT {} {} WHERE teams.organization_id = $1 AND teams.uuid = $2", kTeamColumns,
                  kFromTeams);
  HF_TRY(auto found, tx.find<Team>(is_uuid(team) ? by_uuid : by_name, {organization.id, team},
                                   [](const db::Row& row) { return team_of(row); }));
  if (!found) {
    return fail(ErrorCode::not_found, kTeamUnknown,
                fmt::format("{} has no team {}", organization.name, team));
  }
  return *std::move(found);
}

Result<void> tell_members(db::Tx& tx, std::int64_t team_id) {
  constexpr std::size_t kNoticesAtMost = 100;  // beyond these one for everybody
  std::vector<std::int64_t> users;
  HF_CHECK(tx.query("SELECT user_id FROM team_members WHERE team_id = $1 LIMIT $2",
                    {team_id, std::int64_t{kNoticesAtMost} + 1},
                    [&](const db::Row& row) -> Result<void> {
                      users.push_back(row.integer(0));
                      return {};
                    }));
  if (users.size() > kNoticesAtMost) {
    tell_all_changed(tx);
  } else {
    for (const std::int64_t user : users) tell_changed(tx, user);
  }
  return {};
}

Result<Team> Teams::create(std::string_view organization, std::string_view name,
                           std::string_view description, const events::Actor& actor) {
  HF_CHECK(check_name(name, "a team"));
  HF_CHECK(check_text(description, "a description", kDescriptionMaxBytes));
  const std::string id = uuid(random_);
  Team made;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const std::int64_t added,
           tx.execute("INSERT INTO teams (uuid, organization_id, name, description) "
                      "VALUES ($1, $2, $3, $4) ON CONFLICT (organization_id, name) DO NOTHING",
                      {id, of.id, name, description}));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kTeamExists,
                  fmt::format("{} has a team {} already", of.name, name));
    }
    HF_CHECK(
        tx.execute("UPDATE accounts SET teams_count = teams_count + 1 WHERE id = $1", {of.id}));
    HF_TRY(made, team_in(tx, of, name));
    return events::append(
        tx, event_of(events::Type::team_created, path(of, made), actor, clock_.now()));
  }));
  return made;
}

Result<Team> Teams::update(std::string_view organization, std::string_view team,
                           const TeamChange& change, const events::Actor& actor) {
  if (change.name) HF_CHECK(check_name(*change.name, "a team"));
  if (change.description) {
    HF_CHECK(check_text(*change.description, "a description", kDescriptionMaxBytes));
  }
  Team changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(changed, team_in(tx, of, team));
    const std::string name = change.name.value_or(changed.name);
    if (name != changed.name) {
      HF_TRY(const auto taken,
             tx.find<bool>("SELECT 1 FROM teams WHERE organization_id = $1 AND name = $2",
                           {of.id, name}, [](const db::Row&) { return true; }));
      if (taken) {
        return fail(ErrorCode::already_exists, kTeamExists,
                    fmt::format("{} has a team {} already", of.name, name));
      }
    }
    HF_CHECK(tx.execute("UPDATE teams SET name = $2, description = $3 WHERE id = $1",
                        {changed.id, name, change.description.value_or(changed.description)}));
    HF_TRY(changed, team_in(tx, of, name));
    return events::append(
        tx, event_of(events::Type::team_updated, path(of, changed), actor, clock_.now()));
  }));
  return changed;
}

Result<void> Teams::remove(std::string_view organization, std::string_view team,
                           const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Team gone, team_in(tx, of, team));
    HF_CHECK(tell_members(tx, gone.id));
    for (const std::string_view sql :
         {"DELETE FROM grants WHERE team_id = $1", "DELETE FROM team_members WHERE team_id = $1",
          "DELETE FROM teams WHERE id = $1"}) {
      HF_CHECK(tx.execute(sql, {gone.id}));
    }
    HF_CHECK(
        tx.execute("UPDATE accounts SET teams_count = teams_count - 1 WHERE id = $1", {of.id}));
    return events::append(
        tx, event_of(events::Type::team_deleted, path(of, gone), actor, clock_.now()));
  });
}

Result<Team> Teams::find(std::string_view organization, std::string_view team) {
  Team found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(found, team_in(tx, of, team));
    return {};
  }));
  return found;
}

Result<std::vector<Team>> Teams::list(std::string_view organization, std::string_view start,
                                      std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {} {} WHERE teams.organization_id = $1 AND teams.name >= $2 ORDER BY teams.name "
      "LIMIT $3",
      kTeamColumns, kFromTeams);
  std::vector<Team> teams;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    teams.clear();
    HF_TRY(const Account of, organization_in(tx, organization));
    return tx.query(sql, {of.id, start, limit}, [&](const db::Row& row) -> Result<void> {
      teams.push_back(team_of(row));
      return {};
    });
  }));
  return teams;
}

Result<Member> Teams::set_member(std::string_view organization, std::string_view team,
                                 std::string_view user, std::optional<bool> is_admin,
                                 const events::Actor& actor) {
  Member made;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Team in, team_in(tx, of, team));
    HF_TRY(const Account who, team_candidate_in(tx, of, user));
    if (who.kind == Kind::service && is_admin.value_or(false)) {
      return fail(ErrorCode::invalid, kNotAUser,
                  fmt::format("{} is a service account: it cannot administer a team", who.name));
    }
    if (who.kind == Kind::user) HF_CHECK(join_organization(tx, of, who));
    HF_TRY(const std::int64_t added,
           tx.execute("INSERT INTO team_members (team_id, user_id, is_admin, user_uuid) "
                      "VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING",
                      {in.id, who.id, who.uuid}));
    HF_CHECK(tx.execute("UPDATE teams SET members_count = members_count + $2 WHERE id = $1",
                        {in.id, added}));
    if (is_admin) {
      HF_CHECK(
          tx.execute("UPDATE team_members SET is_admin = $3 WHERE user_id = $2 AND team_id = $1",
                     {in.id, who.id, std::int64_t{*is_admin}}));
    }
    HF_TRY(made, member_in(tx, group_of(in), who));
    tell_changed(tx, who.id);
    events::Event event =
        event_of(events::Type::team_member_set, fmt::format("{}/{}", path(of, in), who.name), actor,
                 clock_.now());
    event.detail = made.is_admin ? "admin" : "member";
    return events::append(tx, event);
  }));
  return made;
}

Result<void> Teams::remove_member(std::string_view organization, std::string_view team,
                                  std::string_view user, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Team in, team_in(tx, of, team));
    HF_TRY(const Account who, team_candidate_in(tx, of, user));
    HF_TRY(const std::int64_t removed,
           tx.execute("DELETE FROM team_members WHERE user_id = $2 AND team_id = $1",
                      {in.id, who.id}));
    if (removed == 0) return not_a_member(who, group_of(in));
    HF_CHECK(
        tx.execute("UPDATE teams SET members_count = members_count - 1 WHERE id = $1", {in.id}));
    tell_changed(tx, who.id);
    return events::append(
        tx, event_of(events::Type::team_member_removed,
                     fmt::format("{}/{}", path(of, in), who.name), actor, clock_.now()));
  });
}

Result<Member> Teams::member(std::string_view organization, std::string_view team,
                             std::string_view user) {
  Member found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Team in, team_in(tx, of, team));
    HF_TRY(const Account who, team_candidate_in(tx, of, user));
    HF_TRY(found, member_in(tx, group_of(in), who));
    return {};
  }));
  return found;
}

Result<std::vector<Member>> Teams::members(std::string_view organization, std::string_view team,
                                           const MemberQuery& query) {
  std::vector<Member> members;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Team in, team_in(tx, of, team));
    HF_TRY(members, members_in(tx, group_of(in), query));
    return {};
  }));
  return members;
}

Result<std::vector<TeamMembership>> Teams::of_member(std::string_view organization,
                                                     std::string_view user, std::string_view start,
                                                     std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {}, m.is_admin {} JOIN team_members m ON m.team_id = teams.id WHERE m.user_id = $2 "
      "AND teams.organization_id = $1 AND teams.name >= $3 ORDER BY teams.name LIMIT $4",
      kTeamColumns, kFromTeams);
  std::vector<TeamMembership> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Account who, team_candidate_in(tx, of, user));
    return tx.query(sql, {of.id, who.id, start, limit}, [&](const db::Row& row) -> Result<void> {
      found.push_back({team_of(row), row.boolean(kTeamColumnsCount)});
      return {};
    });
  }));
  return found;
}

}  // namespace holdfast::accounts
