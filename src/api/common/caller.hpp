// Who makes this request, by whichever credential came with it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/accounts.hpp"
#include "accounts/authenticator.hpp"
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
// credential) `claims` is empty.
struct Caller {
  std::shared_ptr<const accounts::Subject> subject;  // never null; anonymous without a credential
  std::shared_ptr<const holdfast::token::Claims> claims;
  bool has_credential = false;
  std::string session{};  // its hash, when the credential is a session
  [[nodiscard]] bool is_anonymous() const { return subject->account_id == 0; }
};

// Finds out who calls: Bearer (access token), Basic (password), nothing (anonymous). The scheme is
// compared without case. unauthenticated for a wrong or expired credential, rate_limited when a
// password may not be tried now or the user has had its share of requests (Limits). In memory when
// token or password is remembered, else on the pool.
class Callers {
 public:
  Callers(accounts::Accounts& accounts, accounts::Authenticator& authenticator,
          accounts::Sessions& sessions, holdfast::token::Tokens& tokens, Limits& limits,
          const PublicUrl& url, async::BlockingPool& pool);
  boost::asio::awaitable<Result<Caller>> identify(http::Request& request);
  // As identify(), and by a session: its token as Bearer, or the cookie of a browser, which must
  // prove a change with X-Csrf-Token (denied/kCsrfWrong). For the REST APIs: /v2 takes no sessions.
  boost::asio::awaitable<Result<Caller>> identify_with_sessions(http::Request& request);

 private:
  Result<void> admit(http::Request& request, const accounts::Subject& subject);

  accounts::Accounts& accounts_;
  accounts::Authenticator& authenticator_;
  accounts::Sessions& sessions_;
  holdfast::token::Tokens& tokens_;
  Limits& limits_;
  const PublicUrl& url_;
  async::BlockingPool& pool_;
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
