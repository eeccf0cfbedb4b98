// Service accounts: what automation of an organization logs in as (docs/adr/0011).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kServiceAccountUnknown = "service_account_unknown";  // not_found
inline constexpr std::string_view kTooManyServiceAccounts = "too_many_service_accounts";  // quota

// An account of Kind::service is named "organization..name": no user's name has two dots together,
// and neither shells, URLs, forms nor configuration files read more into them. It has no password
// and no namespace, logs in with access tokens (AccessTokens, by its whole name), belongs to its
// organization like a member of no team, and may be put into the organization's teams (Teams).
// To disable and to delete it is Accounts'. It goes with its organization.
// Threads: any; all calls block.
class ServiceAccounts {
 public:
  ServiceAccounts(db::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  // Names as those of accounts; descriptions (the full name) at most 256 bytes; at most 1,000 in an
  // organization: kTooManyServiceAccounts. kAccountUnknown, kAccountExists, kAccountNameInvalid.
  Result<Account> create(std::string_view organization, std::string_view name,
                         std::string_view description, const events::Actor& actor);
  // By the name within the organization, or the whole one. kServiceAccountUnknown.
  Result<Account> find(const Account& organization, std::string_view name);
  // In the order of their names, from the whole name `start` on. O(limit).
  Result<std::vector<Account>> list(const Account& organization, std::string_view start,
                                    std::int64_t limit);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::accounts
