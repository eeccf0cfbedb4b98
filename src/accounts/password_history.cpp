#include "accounts/password_history.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "accounts/accounts.hpp"
#include "crypto/foreign_hash.hpp"
#include "crypto/secret.hpp"

namespace holdfast::accounts {

namespace {

bool matches(std::string_view password, const std::string& hash) {
  return crypto::is_foreign_hash(hash) ? crypto::verify_foreign_hash(password, hash)
                                       : crypto::verify_password(password, hash);
}

}  // namespace

Result<void> check_not_used_lately(db::Database& database, std::string_view account,
                                   std::string_view password) {
  std::vector<std::string> hashes;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    hashes.clear();
    return tx.query(
        "SELECT password_hash FROM accounts WHERE name = $1 UNION ALL SELECT hash FROM "
        "password_history JOIN accounts ON accounts.id = account_id WHERE name = $1",
        {account}, [&](const db::Row& row) -> Result<void> {
          hashes.push_back(row.string(0));
          return {};
        });
  }));
  const bool used =
      std::ranges::any_of(hashes, [&](const std::string& hash) { return matches(password, hash); });
  if (!used) return {};
  return fail(ErrorCode::invalid, kPasswordInvalid,
              fmt::format("this is one of the last {} passwords of the account: choose another",
                          kPasswordsRemembered));
}

Result<void> put_password_away(db::Tx& tx, std::int64_t account_id) {
  HF_CHECK(
      tx.execute("INSERT INTO password_history (account_id, number, hash) SELECT id, 1 + "
                 "coalesce((SELECT max(number) FROM password_history WHERE account_id = $1), 0), "
                 "password_hash FROM accounts WHERE id = $1 AND password_hash <> ''",
                 {account_id}));
  HF_CHECK(
      tx.execute("DELETE FROM password_history WHERE account_id = $1 AND number <= "
                 "(SELECT max(number) FROM password_history WHERE account_id = $1) - $2",
                 {account_id, kPasswordsRemembered - 1}));
  return {};
}

}  // namespace holdfast::accounts
