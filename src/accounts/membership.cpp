#include "accounts/membership.hpp"

#include <fmt/format.h>

#include "accounts/rows.hpp"

namespace holdfast::accounts {

namespace {

// Where the members of a kind stand.
struct Rows {
  std::string_view table;
  std::string_view group;
  std::string_view is_admin;
};

Rows rows_of(GroupKind kind) {
  if (kind == GroupKind::team) return {"team_members", "team_id", "is_admin"};
  return {"organization_members", "organization_id", "is_owner"};
}

std::string condition(MemberFilter filter, std::string_view is_admin) {
  if (filter == MemberFilter::all) return "";
  return fmt::format(" AND m.{} = {}", is_admin, filter == MemberFilter::admins ? 1 : 0);
}

}  // namespace

Result<void> join_organization(db::Tx& tx, const Account& organization, const Account& user) {
  HF_TRY(const std::int64_t added,
         tx.execute("INSERT INTO organization_members (organization_id, user_id, is_owner, "
                    "user_uuid) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING",
                    {organization.id, user.id, user.uuid}));
  HF_CHECK(tx.execute("UPDATE accounts SET members_count = members_count + $2 WHERE id = $1",
                      {organization.id, added}));
  return {};
}

Error not_a_member(const Account& user, const Group& group) {
  return fail(ErrorCode::not_found, kMemberUnknown,
              fmt::format("{} is not a member of {}", user.name, group.shown));
}

Result<Member> member_in(db::Tx& tx, const Group& group, const Account& user) {
  const Rows rows = rows_of(group.kind);
  const std::string sql = fmt::format("SELECT {} FROM {} WHERE user_id = $1 AND {} = $2",
                                      rows.is_admin, rows.table, rows.group);
  HF_TRY(const auto is_admin, tx.find<bool>(sql, {user.id, group.id},
                                            [](const db::Row& row) { return row.boolean(0); }));
  if (!is_admin) return not_a_member(user, group);
  return Member{user, *is_admin};
}

Result<std::vector<Member>> members_in(db::Tx& tx, const Group& group, const MemberQuery& query) {
  const Rows rows = rows_of(group.kind);
  const std::string sql = fmt::format(
      "SELECT {}, m.{} FROM {} m JOIN accounts ON accounts.id = m.user_id WHERE m.{} = "
      "$1 AND m.user_uuid >= $2{} ORDER BY m.user_uuid LIMIT $3",
      kAccountColumns, rows.is_admin, rows.table, rows.group,
      condition(query.filter, rows.is_admin));
  std::vector<Member> members;
  HF_CHECK(
      tx.query(sql, {group.id, query.start, query.limit}, [&](const db::Row& row) -> Result<void> {
        members.push_back({account_of(row), row.boolean(kAccountColumnsCount)});
        return {};
      }));
  return members;
}

}  // namespace holdfast::accounts
