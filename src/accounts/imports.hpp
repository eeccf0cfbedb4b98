// Accounts that move here from another product, with the hashes of their passwords.
#pragma once

#include <string>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kHashInvalid = "password_hash_invalid";  // invalid
inline constexpr std::string_view kImportTooLarge = "import_too_large";    // invalid

struct ImportedAccount {
  std::string name{};
  std::string full_name{};
  Kind kind = Kind::user;  // or an organization, which has none of the rest
  bool is_administrator = false;
  bool is_active = true;
  std::string
      password_hash{};  // as crypto/foreign_hash.hpp; empty: an administrator sets one later
};

// Threads: any.
class Imports {
 public:
  Imports(db::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  // Creates all of them in one transaction or, with an error, none; details[0] names the account
  // that it is about. At most 5,000. Errors as Accounts::create_user, kHashInvalid,
  // kImportTooLarge. Blocks. The first login that is right replaces the hash by our own
  // (Authenticator).
  Result<void> run(const std::vector<ImportedAccount>& accounts, const events::Actor& actor);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::accounts
