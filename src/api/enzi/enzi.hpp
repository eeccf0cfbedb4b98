// eNZi, the accounts API of DTR and UCP: /enzi/v0/… and /accounts….
#pragma once

#include <boost/asio/awaitable.hpp>

#include "accounts/account_settings.hpp"
#include "accounts/accounts.hpp"
#include "accounts/authenticator.hpp"
#include "accounts/imports.hpp"
#include "accounts/organizations.hpp"
#include "accounts/public_keys.hpp"
#include "accounts/sessions.hpp"
#include "accounts/sso_services.hpp"
#include "accounts/teams.hpp"
#include "api/common/caller.hpp"
#include "api/rest/router.hpp"
#include "async/pool.hpp"
#include "http/message.hpp"
#include "jobs/jobs.hpp"
#include "settings/store.hpp"

namespace holdfast::api::enzi {

struct Services {
  Callers& callers;
  accounts::Accounts& accounts;
  accounts::Authenticator& authenticator;
  accounts::Organizations& organizations;
  accounts::Teams& teams;
  settings::Store& settings;
  accounts::Sessions& sessions;
  jobs::Jobs& jobs;
  accounts::PublicKeys& public_keys;
  accounts::SsoServices& sso_services;
  accounts::AccountSettings& account_settings;
  accounts::Imports& imports;
  async::BlockingPool& pool;
};

// Safe from any loop.
class Enzi {
 public:
  explicit Enzi(const Services& services);
  // Answers /enzi/v0/… and /accounts….
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  rest::Router router_;
};

}  // namespace holdfast::api::enzi
