// Who belongs to an organization, and who owns it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kMemberUnknown = "member_unknown";  // not_found

// A user in an organization or a team. Owners of an organization have every right in its namespace;
// administrators of a team may choose its members.
struct Member {
  Account user;
  bool is_admin = false;
};

// An organization that a user belongs to.
struct Membership {
  Account organization;
  bool is_owner = false;
};

enum class MemberFilter : std::uint8_t { all, admins, non_admins };

// A page of members, in the order of their users' ids (uuid).
struct MemberQuery {
  MemberFilter filter = MemberFilter::all;
  std::string start{};  // the first id wanted
  std::int64_t limit = 10;
};

// Threads: any; all calls block. Organizations and users are named; not_found/kAccountUnknown when
// there is none of that name and kind. A change is in force with the user's next request.
class Organizations {
 public:
  Organizations(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Makes a user a member, or changes what they are. Nothing: keep, or a plain member.
  Result<Member> set_member(std::string_view organization, std::string_view user,
                            std::optional<bool> is_owner, const events::Actor& actor);
  // Takes a user out of the organization and of all its teams. kMemberUnknown.
  Result<void> remove_member(std::string_view organization, std::string_view user,
                             const events::Actor& actor);
  // kMemberUnknown.
  Result<Member> member(std::string_view organization, std::string_view user);
  Result<std::vector<Member>> members(std::string_view organization, const MemberQuery& query);
  // The organizations of a user in the order of their names, from `start` on.
  Result<std::vector<Membership>> of_user(std::string_view user, std::string_view start,
                                          std::int64_t limit);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::accounts
