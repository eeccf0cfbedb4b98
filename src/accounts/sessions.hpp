// Sessions: what a login by browser or API gives instead of the password.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kSessionInvalid = "session_invalid";  // unauthenticated
inline constexpr std::string_view kSessionUnknown = "session_unknown";  // not_found
inline constexpr std::string_view kSessionSettingsInvalid = "session_settings_invalid";  // invalid

// In force for logins and renewals from then on; sessions that are there keep the end they have.
struct SessionSettings {
  std::chrono::minutes lifetime{60};           // 10 min to a year
  std::chrono::minutes renewal_threshold{20};  // 0 to the lifetime; 0: no renewal
  std::int64_t per_user_limit = 10;            // 0 to 10,000; 0: unlimited
};

// A session as its user sees it.
struct Session {
  std::string id;  // the first 16 hex digits of the token's SHA-256
  Timestamp created_at;
  Timestamp last_used_at;  // exact to a minute
  Timestamp expires_at;
  std::string address;  // where the login came from, and with what
  std::string client;
};

// What a login gives. The token is told this once: at rest there is its SHA-256 alone.
struct StartedSession {
  std::string token;
  std::string csrf_token;
  Timestamp expires_at;
};

// A session that a request came with.
struct SessionUse {
  std::int64_t account_id = 0;
  std::string hash;  // SHA-256 of the token, hex: names the session to this module
};

// Whether a credential has the form of a session's token: "hfs_" and 64 hex digits. No JWT has.
bool is_session_token(std::string_view text);
// What a browser's script proves with that it may read our cookies. It follows from the token, so
// that nothing of it is stored.
std::string csrf_token_of(std::string_view session_token);
std::string session_id_of(std::string_view hash);

// Ends a user's sessions in the caller's transaction, all but the one of the hash `except` (empty:
// all). Gives how many there were.
Result<std::int64_t> end_sessions(db::Tx& tx, std::int64_t account_id,
                                  std::string_view except = {});

// A session lives for the lifetime; a use within the threshold before its end prolongs it to a
// whole lifetime from then. It ends by logout, by a change of the password (but for the session in
// which its user changes it), when the account is disabled or deleted, and as the least recently
// used one when a login exceeds the user's limit. An end is in force with the next request.
//
// Whether the account may be used, its Subject says: who verifies looks there too. Threads: any;
// everything blocks on the database except remembered().
class Sessions {
 public:
  Sessions(db::Database& database, const Clock& clock, Random& random);
  ~Sessions();

  // Starts a session of an account that has just been authenticated; `actor` says from where.
  // unauthenticated/kSessionInvalid when the account was changed or disabled meanwhile.
  Result<StartedSession> start(const Account& account, const events::Actor& actor);

  // The session of a token when it is in memory, and counts as a use. Never blocks.
  std::optional<SessionUse> remembered(std::string_view token);
  // As remembered(), read when it is not in memory. unauthenticated/kSessionInvalid for a token
  // that has expired, was ended or never was.
  Result<SessionUse> verify(std::string_view token);

  // Those of a user in the order of their ids, from `start` on; expired ones are left out.
  Result<std::vector<Session>> list(const Account& user, std::string_view start,
                                    std::int64_t limit);
  // Ends one: kSessionUnknown.
  Result<void> end(const Account& user, std::string_view id, const events::Actor& actor);
  // Ends all; nothing happens when there is none.
  Result<void> end_all(const Account& user, const events::Actor& actor);

  Result<SessionSettings> settings();
  // kSessionSettingsInvalid.
  Result<void> set_settings(const SessionSettings& settings, const events::Actor& actor);

  // Writes last uses and renewals down, those of a session once a minute or, at the end of the
  // process, all. Called every second; a crash loses a minute of them.
  enum class Flush { due, all };
  Result<void> flush(Flush which);
  // Forgets what has expired. Gives how many.
  Result<std::int64_t> sweep();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::accounts
