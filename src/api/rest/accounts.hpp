// Accounts and teams in the REST APIs: found by what a path says, shown, and what callers must be
// to them.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "accounts/accounts.hpp"
#include "accounts/organizations.hpp"
#include "accounts/teams.hpp"
#include "api/rest/call.hpp"

namespace holdfast::api::rest {

// An account by name, by id, or by "id:" and id. Finding one is for whoever is logged in; a service
// account is found by administrators and by those who belong to its organization:
// not_found/kAccountUnknown for others.
Result<accounts::Account> find_account(accounts::Accounts& accounts, const Call& call,
                                       std::string_view reference);
Result<accounts::Account> find_user(accounts::Accounts& accounts, const Call& call,
                                    std::string_view reference);
Result<accounts::Account> find_organization(accounts::Accounts& accounts, const Call& call,
                                            std::string_view reference);
// Whoever may be in a team of the organization: a user, or a service account of its own.
Result<accounts::Account> find_team_candidate(accounts::Accounts& accounts, const Call& call,
                                              const accounts::Account& organization,
                                              std::string_view reference);
// What the path says of a team, without "id:".
std::string_view team_reference(std::string_view reference);

// Whether a user is in a team of an organization; both are named. Blocks.
Result<bool> is_in_team(accounts::Teams& teams, std::string_view organization,
                        const accounts::Team& team, std::string_view user);

// Conditions on an organization: its owners, or whoever belongs to it; administrators always.
Result<void> need_owner(const Call& call, const accounts::Account& organization);
Result<void> need_member(const Call& call, const accounts::Account& organization);

boost::json::object shown(const accounts::Account& account);
boost::json::object shown(const accounts::Member& member);
// "clientUserIsMember" is whether the caller is in the team.
boost::json::object shown(const accounts::Team& team, bool is_caller_in);

}  // namespace holdfast::api::rest
