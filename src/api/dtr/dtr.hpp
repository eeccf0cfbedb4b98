// DTR's API: /api/v0/….
#pragma once

#include <boost/asio/awaitable.hpp>

#include "accounts/accounts.hpp"
#include "accounts/grants.hpp"
#include "accounts/organizations.hpp"
#include "accounts/teams.hpp"
#include "api/common/caller.hpp"
#include "api/rest/router.hpp"
#include "async/pool.hpp"
#include "http/message.hpp"
#include "repos/content.hpp"
#include "repos/repositories.hpp"
#include "repos/traffic.hpp"

namespace holdfast::api::dtr {

struct Services {
  Callers& callers;
  accounts::Accounts& accounts;
  accounts::Organizations& organizations;
  accounts::Teams& teams;
  accounts::Grants& grants;
  repos::Repositories& repositories;
  repos::Content& content;
  repos::Traffic& traffic;
  async::BlockingPool& pool;
};

// Safe from any loop.
class Dtr {
 public:
  explicit Dtr(const Services& services);
  // Answers /api/v0/….
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  rest::Router router_;
};

}  // namespace holdfast::api::dtr
