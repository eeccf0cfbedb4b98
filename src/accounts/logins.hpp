// Who logs in: by a password, or by an access token wherever a password is taken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "accounts/access_tokens.hpp"
#include "accounts/accounts.hpp"
#include "accounts/authenticator.hpp"

namespace holdfast::accounts {

// A user, and the access token that spoke for them; null: a password did.
struct Login {
  std::int64_t account_id = 0;
  std::shared_ptr<const AccessToken> token{};
  std::optional<Account> account{};  // as it was when log_in() found the password right
};

// A right token is found by one lookup and never waits: it cannot be guessed, so failures of
// others do not hold it up, and it neither clears their count nor makes its address a known one.
// All else is a password to the Authenticator, and fails, counts and waits as one. Threads: any.
class Logins {
 public:
  Logins(Accounts& accounts, Authenticator& authenticator, AccessTokens& tokens)
      : accounts_(accounts), authenticator_(authenticator), tokens_(tokens) {}

  // Errors as Authenticator::authenticate. A token must be the named user's own. Blocks.
  Result<Login> log_in(std::string_view name, std::string_view secret, const events::Actor& actor);
  // The same from memory alone: never blocks, never counts a failure.
  std::optional<Login> remembered(std::string_view name, std::string_view secret);
  // By an access token without a name. Failures count for the address. Blocks.
  Result<Login> log_in_by_token(std::string_view secret, const events::Actor& actor);
  std::optional<Login> remembered_token(std::string_view secret);
  // By the id of the access token that a credential of this user was got with: once that is taken
  // away, what came of it is worth nothing. kCredentialsWrong. Blocks.
  Result<Login> log_in_by_id(std::string_view token_id, std::int64_t account_id);
  std::optional<Login> remembered_id(std::string_view token_id, std::int64_t account_id);

 private:
  Accounts& accounts_;
  Authenticator& authenticator_;
  AccessTokens& tokens_;
};

}  // namespace holdfast::accounts
