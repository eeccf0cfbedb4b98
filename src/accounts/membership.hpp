// The rows behind members, for organizations and teams alike.
#pragma once

#include <string_view>

#include "accounts/organizations.hpp"
#include "db/database.hpp"

namespace holdfast::accounts {

// Adds a user to an organization unless they are in it; keeps its count.
Result<void> join_organization(db::Tx& tx, const Account& organization, const Account& user);

// The condition of a filter on the column `is_admin`: "AND … = 1".
std::string_view condition(MemberFilter filter, bool of_team);

// not_found/kMemberUnknown.
Error not_a_member(std::string_view user, std::string_view of);

}  // namespace holdfast::accounts
