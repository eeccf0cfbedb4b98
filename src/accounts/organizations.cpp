#include "accounts/organizations.hpp"

#include <fmt/format.h>

#include "accounts/membership.hpp"
#include "accounts/rows.hpp"

namespace holdfast::accounts {

namespace {

Group group_of(const Account& organization) {
  return {GroupKind::organization, organization.id, organization.name};
}

}  // namespace

Result<Member> Organizations::set_member(std::string_view organization, std::string_view user,
                                         std::optional<bool> is_owner, const events::Actor& actor) {
  Member made;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Account who, user_in(tx, user));
    HF_CHECK(join_organization(tx, of, who));
    if (is_owner) {
      HF_CHECK(
          tx.execute("UPDATE organization_members SET is_owner = $3 WHERE user_id = $2 AND "
                     "organization_id = $1",
                     {of.id, who.id, std::int64_t{*is_owner}}));
    }
    HF_TRY(made, member_in(tx, group_of(of), who));
    tell_changed(tx, who.id);
    events::Event event = event_of(events::Type::member_set,
                                   fmt::format("{}/{}", of.name, who.name), actor, clock_.now());
    event.detail = made.is_admin ? "owner" : "member";
    return events::append(tx, event);
  }));
  return made;
}

Result<void> Organizations::remove_member(std::string_view organization, std::string_view user,
                                          const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Account who, user_in(tx, user));
    HF_TRY(const std::int64_t removed,
           tx.execute("DELETE FROM organization_members WHERE user_id = $2 AND "
                      "organization_id = $1",
                      {of.id, who.id}));
    if (removed == 0) return not_a_member(who, group_of(of));
    HF_CHECK(
        tx.execute("UPDATE accounts SET members_count = members_count - 1 WHERE id = $1", {of.id}));
    HF_CHECK(
        tx.execute("UPDATE teams SET members_count = members_count - 1 WHERE organization_id "
                   "= $1 AND id IN (SELECT team_id FROM team_members WHERE user_id = $2)",
                   {of.id, who.id}));
    HF_CHECK(
        tx.execute("DELETE FROM team_members WHERE user_id = $2 AND team_id IN "
                   "(SELECT id FROM teams WHERE organization_id = $1)",
                   {of.id, who.id}));
    tell_changed(tx, who.id);
    return events::append(
        tx, event_of(events::Type::member_removed, fmt::format("{}/{}", of.name, who.name), actor,
                     clock_.now()));
  });
}

Result<Member> Organizations::member(std::string_view organization, std::string_view user) {
  Member found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(const Account who, user_in(tx, user));
    HF_TRY(found, member_in(tx, group_of(of), who));
    return {};
  }));
  return found;
}

Result<std::vector<Member>> Organizations::members(std::string_view organization,
                                                   const MemberQuery& query) {
  std::vector<Member> members;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_TRY(members, members_in(tx, group_of(of), query));
    return {};
  }));
  return members;
}

Result<std::vector<Membership>> Organizations::of_user(std::string_view user,
                                                       std::string_view start, std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {}, m.is_owner FROM organization_members m JOIN accounts ON "
      "accounts.id = m.organization_id WHERE m.user_id = $1 AND accounts.name >= $2 "
      "ORDER BY accounts.name LIMIT $3",
      kAccountColumns);
  std::vector<Membership> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    HF_TRY(const Account who, user_in(tx, user));
    return tx.query(sql, {who.id, start, limit}, [&](const db::Row& row) -> Result<void> {
      found.push_back({account_of(row), row.boolean(kAccountColumnsCount)});
      return {};
    });
  }));
  return found;
}

}  // namespace holdfast::accounts
