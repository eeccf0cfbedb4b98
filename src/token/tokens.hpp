// Access tokens: JWT, ES256 (RFC 7519, RFC 7515).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "events/events.hpp"
#include "keys/keys.hpp"
#include "token/scope.hpp"

namespace holdfast::token {

inline constexpr std::string_view kTokenInvalid = "token_invalid";  // unauthenticated
inline constexpr std::string_view kTokenExpired = "token_expired";  // unauthenticated

// Whom a token is for, and what it was got with.
struct Holder {
  std::int64_t account_id = 0;  // 0: anonymous
  std::string_view name{};
  std::int64_t version = 0;         // of the account, when its password was compared
  std::string_view access_token{};  // the id of the one that the user logged in with, or empty
  bool for_scope = false;           // a scope was asked for, whatever was granted of it
  // Of a token that is given to a scanner: the attempt that it ends with. It is nobody's.
  std::string_view scan{};
  std::chrono::seconds lifetime{0};  // 0: as the settings say
};

// What a verified token says.
struct Claims {
  std::int64_t account_id = 0;  // 0: anonymous
  std::string subject;          // the user's name
  std::int64_t version = 0;     // of the account; another one ends what a password brought
  std::vector<std::string> audience;
  std::vector<Access> access;
  Timestamp expires_at;
  std::string access_token;  // the id of the user's access token that it was got with; or empty
  bool for_scope = false;    // a scope was asked for: nothing but what `access` says
  std::string scan;          // the attempt of a scanner that it was given out for; or empty
};

struct Issued {
  std::string token;
  std::chrono::seconds expires_in{};
  Timestamp issued_at;
};

struct Settings {
  std::string issuer = "holdfast";
  std::chrono::seconds lifetime{300};
};

// Threads: any. issue(), verify() and jwks() do not touch the database: they go by the signing keys
// in memory, which another replica may have changed. Then is_current() is false, and refresh()
// comes before them.
class Tokens {
 public:
  // Reads the signing keys, makes the first on a first start.
  static Result<std::unique_ptr<Tokens>> open(keys::KeyStore& keys, Settings settings,
                                              const Clock& clock, Random& random);
  ~Tokens();

  // `audience` is the service that the token is for: our host[:port] as the client knows it; verify
  // compares the host.
  Issued issue(const Holder& holder, const std::vector<Access>& access, std::string_view audience);
  // Signature by a known key (kid), issuer, audience, nbf and exp with 60 s leeway. `alg` other
  // than ES256 is refused, so is a token over 16 KiB. Verified tokens are remembered by SHA-256
  // until they expire.
  Result<std::shared_ptr<const Claims>> verify(std::string_view token, std::string_view audience);

  [[nodiscard]] bool is_current() const;
  // Reads the signing keys if they were changed; what was verified by those of before is forgotten.
  // Blocks then.
  Result<void> refresh();

  // A new signing key from now on, at all replicas; the one before goes on verifying.
  Result<void> rotate(const events::Actor& actor);
  // {"keys":[…]}: the public keys.
  std::string jwks() const;

 private:
  struct State;
  explicit Tokens(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::token
