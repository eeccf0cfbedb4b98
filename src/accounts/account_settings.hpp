// Settings of the accounts API that are kept for those that ask: which accounts belong to the
// system, and under which name this server issues identities.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kAccountSettingInvalid = "account_setting_invalid";  // invalid

// Nothing in this product depends on them. Threads: any; all calls block.
class AccountSettings {
 public:
  AccountSettings(db::Database& database, const Clock& clock)
      : database_(database), clock_(clock) {}

  Result<std::vector<std::string>> system_accounts();
  // Names of accounts, at most 100; they need not be there yet. kAccountSettingInvalid.
  Result<void> set_system_accounts(const std::vector<std::string>& names,
                                   const events::Actor& actor);
  // Empty: never set.
  Result<std::string> issuer();
  // At most 2,048 bytes of text: kTextInvalid.
  Result<void> set_issuer(std::string_view identifier, const events::Actor& actor);

 private:
  Result<std::string> load(std::string_view name);
  Result<void> store(std::string_view name, std::string_view value, const events::Actor& actor);

  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::accounts
