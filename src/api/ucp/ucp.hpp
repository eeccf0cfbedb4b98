// UCP's logins: /auth/login, /id/…, and /login_submit of the browser.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "accounts/accounts.hpp"
#include "accounts/authenticator.hpp"
#include "accounts/sessions.hpp"
#include "api/common/caller.hpp"
#include "api/common/public_url.hpp"
#include "api/rest/router.hpp"
#include "async/pool.hpp"
#include "http/message.hpp"
#include "settings/store.hpp"

namespace holdfast::api::ucp {

struct Services {
  Callers& callers;
  accounts::Accounts& accounts;
  accounts::Authenticator& authenticator;
  accounts::Sessions& sessions;
  settings::Store& settings;
  const PublicUrl& url;
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
