// Teams of an organization and their members.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"
#include "accounts/organizations.hpp"
#include "base/random.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kTeamUnknown = "team_unknown";  // not_found
inline constexpr std::string_view kTeamExists = "team_exists";    // already_exists

struct Team {
  std::int64_t id = 0;
  std::string uuid;
  std::int64_t organization_id = 0;
  std::string organization_uuid;
  std::string name;
  std::string description;
  std::int64_t members_count = 0;
};

// Nothing = keep.
struct TeamChange {
  std::optional<std::string> name{};
  std::optional<std::string> description{};
};

// A team that a user is in.
struct TeamMembership {
  Team team;
  bool is_admin = false;
};

// Threads: any; all calls block. Organizations and users are named; a team by its name or its id
// (uuid). Errors: kAccountUnknown, kTeamUnknown. A change is in force with the next request of
// everybody in the team.
class Teams {
 public:
  Teams(db::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  // Names as those of accounts, unique in the organization; descriptions at most 1,024 bytes.
  Result<Team> create(std::string_view organization, std::string_view name,
                      std::string_view description, const events::Actor& actor);
  Result<Team> update(std::string_view organization, std::string_view team,
                      const TeamChange& change, const events::Actor& actor);
  // With its memberships and what it was given.
  Result<void> remove(std::string_view organization, std::string_view team,
                      const events::Actor& actor);
  Result<Team> find(std::string_view organization, std::string_view team);
  // In the order of their names, from `start` on.
  Result<std::vector<Team>> list(std::string_view organization, std::string_view start,
                                 std::int64_t limit);

  // Puts a user into the team, and into the organization. Nothing: keep, or a plain member. A
  // service account of the organization may be a plain member too (invalid/kNotAUser: is_admin).
  Result<Member> set_member(std::string_view organization, std::string_view team,
                            std::string_view user, std::optional<bool> is_admin,
                            const events::Actor& actor);
  // kMemberUnknown.
  Result<void> remove_member(std::string_view organization, std::string_view team,
                             std::string_view user, const events::Actor& actor);
  Result<Member> member(std::string_view organization, std::string_view team,
                        std::string_view user);
  Result<std::vector<Member>> members(std::string_view organization, std::string_view team,
                                      const MemberQuery& query);
  // The teams of an organization that a user is in, in the order of their names.
  Result<std::vector<TeamMembership>> of_member(std::string_view organization,
                                                std::string_view user, std::string_view start,
                                                std::int64_t limit);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::accounts
