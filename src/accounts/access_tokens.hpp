// Access tokens: what automation logs in with in a password's place. They can be told apart,
// narrowed, ended by time and taken away one by one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kAccessTokenUnknown = "access_token_unknown";  // not_found
inline constexpr std::string_view kTokenScopeInvalid = "token_scope_invalid";    // invalid
inline constexpr std::string_view kTokenExpiryInvalid = "token_expiry_invalid";  // invalid

// The topic of changes of a token; key: its id.
inline constexpr std::string_view kChangedAccessToken = "access_token";

// How a token came to be: made by somebody, or by a client that logged in.
enum class TokenOrigin : std::uint8_t { manual, automatic };

// A part of a token's scope: what it may do there, as far as its user may.
struct TokenScope {
  std::string repository;  // "ns/app", or "ns/*" for all of a namespace
  bool pull = false;
  bool push = false;
  bool remove = false;
  bool operator==(const TokenScope&) const = default;
};

struct AccessToken {
  std::string id;  // the SHA-256 of the token in hex: public
  std::int64_t account_id = 0;
  std::string label;
  bool is_active = true;
  Timestamp created_at;
  std::optional<Timestamp> last_used;  // nothing: never; may be a minute behind
  TokenOrigin origin = TokenOrigin::manual;
  std::string client;                   // the User-Agent that it was made with
  std::optional<Timestamp> expires_at;  // nothing: good until it is taken away
  std::vector<TokenScope> scope;        // empty: all that its user may do

  [[nodiscard]] bool is_narrowed() const { return !scope.empty(); }
  // What the scope has for a repository: everything when it is empty.
  [[nodiscard]] TokenScope on(std::string_view repository) const;
};

struct NewAccessToken {
  std::string label;  // at most 256 bytes of text
  TokenOrigin origin = TokenOrigin::manual;
  std::optional<Timestamp> expires_at{};  // in the future: kTokenExpiryInvalid
  // At most 64, each with a valid name and an action: kTokenScopeInvalid.
  std::vector<TokenScope> scope{};
};

// Nothing = keep.
struct AccessTokenChange {
  std::optional<std::string> label{};
  std::optional<bool> is_active{};
};

// Threads: any. What is taken away or disabled is refused with the next request.
class AccessTokens {
 public:
  AccessTokens(db::Database& database, const Clock& clock, Random& random);
  ~AccessTokens();

  struct Created {
    AccessToken token;
    std::string secret;  // in the form of a uuid; kept nowhere
  };
  // Of a user or a service account. Blocks, as all up to verify. kAccountUnknown.
  Result<Created> create(std::string_view user, const NewAccessToken& wanted,
                         const events::Actor& actor);
  // kAccessTokenUnknown.
  Result<AccessToken> find(std::string_view id);
  // A user's, in the order of their ids, from `start` on. O(limit).
  Result<std::vector<AccessToken>> list(std::int64_t account_id, std::string_view start,
                                        std::int64_t limit);
  Result<std::int64_t> count(std::int64_t account_id);
  Result<AccessToken> update(std::string_view id, const AccessTokenChange& change,
                             const events::Actor& actor);
  Result<void> remove(std::string_view id, const events::Actor& actor);
  // Removes a user's tokens of an origin; with `unused_since` those alone that were neither used
  // nor made since. A few hundred in one transaction: an error leaves some. Gives how many.
  Result<std::int64_t> remove_all(std::int64_t account_id, TokenOrigin origin,
                                  std::optional<Timestamp> unused_since,
                                  const events::Actor& actor);

  // The token when it is good now: active and not expired. Null when there is none. `secret` is
  // what create() gave. Counts as a use. Blocks when it is not in memory.
  Result<std::shared_ptr<const AccessToken>> verify(std::string_view secret);
  Result<std::shared_ptr<const AccessToken>> verify_id(std::string_view id);
  // The same from memory alone: never blocks; null as well when it is not there.
  std::shared_ptr<const AccessToken> remembered(std::string_view secret);
  std::shared_ptr<const AccessToken> remembered_id(std::string_view id);

  // Writes the times of use that came up, one a minute for each token at most. Called every second
  // and at the end. Blocks.
  Result<void> flush();

 private:
  struct Known;
  std::shared_ptr<const AccessToken> use(const std::shared_ptr<Known>& known);

  db::Database& database_;
  const Clock& clock_;
  Random& random_;
  FillCache<std::shared_ptr<Known>> known_;  // by id
  std::shared_ptr<void> subscription_;
  std::mutex mutex_;
  std::map<std::string, Timestamp, std::less<>> used_;  // guarded by mutex_
};

// "manual", "auto".
std::string_view name(TokenOrigin origin);
std::optional<TokenOrigin> parse_token_origin(std::string_view text);

}  // namespace holdfast::accounts
