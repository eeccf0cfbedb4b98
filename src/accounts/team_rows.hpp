// Rows of teams, for the files that read them.
#pragma once

#include <string_view>

#include "accounts/teams.hpp"
#include "db/database.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kTeamColumns =
    "teams.id, teams.uuid, teams.organization_id, o.uuid, teams.name, teams.description, "
    "teams.members_count";
inline constexpr std::string_view kFromTeams =
    "FROM teams JOIN accounts o ON o.id = teams.organization_id";
inline constexpr int kTeamColumnsCount = 7;
Team team_of(const db::Row& row, int first = 0);

// By name or id (uuid); not_found/kTeamUnknown.
Result<Team> team_in(db::Tx& tx, const Account& organization, std::string_view team);

// What the members of a team may do has changed.
Result<void> tell_members(db::Tx& tx, std::int64_t team_id);

}  // namespace holdfast::accounts
