// Is this name and password right? Slowed against guessing, remembered for a minute.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kCredentialsWrong = "credentials_wrong";  // unauthenticated
inline constexpr std::string_view kTooManyFailures = "too_many_failures";   // rate_limited

// Wrong name, wrong password, disabled account: the same error and the same time (an argon2id run
// in every case; an imported hash takes its own time until the first login replaces it). Failures
// are counted per account name and per address: beyond a few free ones each next try must wait,
// doubling up to a bound; details[0] of kTooManyFailures is the seconds to wait, for Retry-After. A
// success clears the account's count. The waits are told, never slept. An address from which the
// right password came in the last 24 hours is not held up by failures of others on that account, so
// that guessing cannot lock an owner out. IPv6 counts per /64. Right passwords are remembered for
// 60 s by a keyed hash, dropped with the account's version. At most one argon2id run at a time per
// core.
class Authenticator {
 public:
  Authenticator(Accounts& accounts, events::Counted& counted, const Clock& clock, Random& random);
  ~Authenticator();

  // The account when name and password are right. Blocks (argon2id, database). A failure is
  // recorded as an event by `actor`'s address.
  Result<Account> authenticate(std::string_view name, std::string_view password,
                               const events::Actor& actor);
  // For a secret that came without a name and is wrong: counts a failure of the address alone and
  // gives the error to answer with.
  Error refuse(const events::Actor& actor);
  // Only what is remembered: never blocks, never counts a failure.
  std::optional<std::int64_t> remembered(std::string_view name, std::string_view password);

 private:
  void renew(const Account& account, std::string_view hash, std::string_view password,
             const events::Actor& actor);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::accounts
