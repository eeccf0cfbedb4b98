// Refresh tokens: what `docker login` may keep instead of the password.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "accounts/accounts.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::token {

inline constexpr std::string_view kRefreshTokenInvalid =
    "refresh_token_invalid";  // unauthenticated

std::span<const db::Migration> migrations();

// Opaque, 256 bits, stored as SHA-256; bound to user and service. A changed password or a disabled
// account ends them (the account's version). At most 64 per account: the oldest goes. Threads: any;
// all calls block.
class RefreshTokens {
 public:
  RefreshTokens(db::Database& database, accounts::Accounts& accounts, const Clock& clock,
                Random& random);
  Result<std::string> issue(const accounts::Account& account, std::string_view service,
                            std::string_view client_id);
  // The account it was issued to. unauthenticated/kRefreshTokenInvalid.
  Result<accounts::Account> verify(std::string_view refresh_token, std::string_view service);

 private:
  db::Database& database_;
  accounts::Accounts& accounts_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::token
