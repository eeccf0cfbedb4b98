// The rows behind members, for organizations and teams alike.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "accounts/organizations.hpp"
#include "db/database.hpp"

namespace holdfast::accounts {

enum class GroupKind : std::uint8_t { organization, team };

// One of them; `shown` is what errors call it: "acme", "the team ops".
struct Group {
  GroupKind kind = GroupKind::organization;
  std::int64_t id = 0;
  std::string shown;
};

// Adds a user to an organization unless they are in it; keeps its count.
Result<void> join_organization(db::Tx& tx, const Account& organization, const Account& user);

// not_found/kMemberUnknown.
Result<Member> member_in(db::Tx& tx, const Group& group, const Account& user);
Result<std::vector<Member>> members_in(db::Tx& tx, const Group& group, const MemberQuery& query);
Error not_a_member(const Account& user, const Group& group);

}  // namespace holdfast::accounts
