// How a Subject is read: one account, what it owns, where it belongs, what its teams were given.
#include <algorithm>
#include <map>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

Result<Subject> load_subject(db::Tx& tx, std::int64_t account_id) {
  HF_TRY(auto found, tx.find<Subject>(
                         "SELECT name, version, is_active, is_administrator, must_change_password, "
                         "organization_id FROM accounts WHERE id = $1 AND kind <> 1",
                         {account_id}, [&](const db::Row& row) {
                           Subject subject;
                           subject.account_id = account_id;
                           subject.name = row.string(0);
                           subject.version = row.integer(1);
                           subject.is_active = row.boolean(2);
                           subject.is_administrator = row.boolean(3);
                           subject.must_change_password = row.boolean(4);
                           // A service account belongs to its organization, and owns nothing.
                           if (const std::int64_t home = row.integer(5); home != 0) {
                             subject.member_of.push_back(home);
                           } else {
                             subject.owned_namespaces.push_back(account_id);
                           }
                           return subject;
                         }));
  if (!found) return fail(ErrorCode::not_found, kAccountUnknown, "there is no such user");
  Subject subject = *std::move(found);
  HF_CHECK(tx.query("SELECT organization_id, is_owner FROM organization_members WHERE user_id = $1",
                    {account_id}, [&](const db::Row& row) -> Result<void> {
                      subject.member_of.push_back(row.integer(0));
                      if (row.boolean(1)) subject.owned_namespaces.push_back(row.integer(0));
                      return {};
                    }));
  std::ranges::sort(subject.owned_namespaces);
  std::ranges::sort(subject.member_of);
  std::map<std::pair<std::int64_t, std::int64_t>, Level> highest;
  HF_CHECK(
      tx.query("SELECT grants.namespace_id, grants.repository_id, grants.level FROM grants "
               "JOIN team_members ON team_members.team_id = grants.team_id "
               "WHERE team_members.user_id = $1",
               {account_id}, [&](const db::Row& row) -> Result<void> {
                 Level& level = highest[{row.integer(0), row.integer(1)}];
                 level = std::max(level, static_cast<Level>(row.integer(2)));
                 return {};
               }));
  for (const auto& [key, level] : highest) {
    subject.grants.push_back({key.first, key.second, level});
  }
  return subject;
}

}  // namespace holdfast::accounts
