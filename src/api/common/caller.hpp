// Who makes this request, by whichever credential came with it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/accounts.hpp"
#include "accounts/logins.hpp"
#include "accounts/sessions.hpp"
#include "api/common/limits.hpp"
#include "api/common/public_url.hpp"
#include "async/pool.hpp"
#include "base/result.hpp"
#include "events/events.hpp"
#include "http/message.hpp"
#include "token/tokens.hpp"

namespace holdfast::api {

// The subject as it is now (invariant 3), and what its token allows. Without a token (Basic, or no
// credential) `claims` is empty. `access_token` is the one that came as the password or that the
// token was got with; its scope narrows whatever is asked.
struct Caller {
  std::shared_ptr<const accounts::Subject> subject;  // never null; anonymous without a credential
  std::shared_ptr<const holdfast::token::Claims> claims{};
  std::shared_ptr<const accounts::AccessToken> access_token{};
  bool has_credential = false;
  std::string session{};  // its hash, when the credential is a session
  [[nodiscard]] bool is_anonymous() const { return subject->account_id == 0; }
  [[nodiscard]] bool is_narrowed() const { return access_token && access_token->is_narrowed(); }
};

// Who a scanner is while an attempt goes on (Claims::scan); null: it has ended. Blocks.
using ScanSubject =
    std::function<Result<std::shared_ptr<const accounts::Subject>>(std::string_view attempt)>;

// Finds out who calls: Bearer (a token of /auth/token), Basic (a password or an access token),
// nothing (anonymous). The scheme is compared without case. Of several Authorization fields the
// first that is good counts: clients send an empty Basic before the Bearer. unauthenticated when
// none is, rate_limited when a password may not be tried now or the user has had its share of
// requests (Limits). In memory when token or password is remembered, else on the pool.
class Callers {
 public:
  Callers(accounts::Accounts& accounts, accounts::Logins& logins, accounts::Sessions& sessions,
          holdfast::token::Tokens& tokens, Limits& limits, const PublicUrl& url,
          async::BlockingPool& pool, ScanSubject scan_subject);
  // `access_token`: one that came by another way than the Authorization field, which is tried
  // first; or empty.
  boost::asio::awaitable<Result<Caller>> identify(http::Request& request,
                                                  std::string_view access_token = {});
  // As identify(), and by a session: its token as Bearer, or the cookie of a browser, which must
  // prove a change with X-Csrf-Token (denied/kCsrfWrong). For the REST APIs: /v2 takes no sessions.
  boost::asio::awaitable<Result<Caller>> identify_with_sessions(http::Request& request,
                                                                std::string_view access_token);

 private:
  struct Given;  // a credential to be looked at
  // Whom a credential stands for, and what it says.
  struct Proof {
    accounts::Login login;
    std::shared_ptr<const holdfast::token::Claims> claims{};
    std::shared_ptr<const accounts::Subject> scanner{};  // who has no account
  };
  // Nothing when the answer is not in memory; then from_database() has it.
  std::optional<Result<Proof>> from_memory(const http::Request& request, const Given& given);
  Result<Proof> from_database(const http::Request& request, const Given& given);
  Result<void> admit(http::Request& request, const accounts::Subject& subject);

  accounts::Accounts& accounts_;
  accounts::Logins& logins_;
  accounts::Sessions& sessions_;
  holdfast::token::Tokens& tokens_;
  Limits& limits_;
  const PublicUrl& url_;
  async::BlockingPool& pool_;
  const ScanSubject scan_subject_;
};

// The actor of an event, from a request and who made it.
events::Actor actor_of(const http::Request& request, const accounts::Subject& subject);

// Name and password of a Basic credential (RFC 7617); nothing when it is malformed.
struct BasicCredential {
  std::string name;
  std::string password;
};
std::optional<BasicCredential> parse_basic(std::string_view encoded);

}  // namespace holdfast::api
