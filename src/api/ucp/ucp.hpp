// UCP's logins: /auth/login, /id/…, and /login_submit of the browser; what it tells of itself.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "accounts/accounts.hpp"
#include "accounts/authenticator.hpp"
#include "accounts/sessions.hpp"
#include "api/common/caller.hpp"
#include "api/common/public_url.hpp"
#include "api/rest/router.hpp"
#include "async/pool.hpp"
#include "http/message.hpp"
#include "settings/store.hpp"
#include "token/tokens.hpp"

namespace holdfast::api::ucp {

struct Services {
  Callers& callers;
  accounts::Accounts& accounts;
  accounts::Authenticator& authenticator;
  accounts::Sessions& sessions;
  settings::Store& settings;
  const PublicUrl& url;
  holdfast::token::Tokens& tokens;
  std::string ca_pem;   // empty: the certificate comes from elsewhere
  std::string version;  // "0.1.0"
  async::BlockingPool& pool;
};

// Safe from any loop.
class Ucp {
 public:
  explicit Ucp(const Services& services);
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  rest::Router router_;
};

}  // namespace holdfast::api::ucp
