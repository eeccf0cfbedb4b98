// The passwords that an account had: none of the last few is taken again.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::accounts {

// Of these the one in use is the first.
inline constexpr std::int64_t kPasswordsRemembered = 5;

// invalid/kPasswordInvalid when `password` is one of the account's last. Costs an argon2id run for
// each, some tenths of a second. An account that does not exist had none. Blocks.
Result<void> check_not_used_lately(db::Database& database, std::string_view account,
                                   std::string_view password);

// In the transaction that changes the password, before it: puts the one in use away, as its hash,
// and forgets what is older than is remembered.
Result<void> put_password_away(db::Tx& tx, std::int64_t account_id);

}  // namespace holdfast::accounts
