// GET and POST /auth/token: the token protocol of Docker Registry v2 and its OAuth 2 form.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "accounts/accounts.hpp"
#include "accounts/logins.hpp"
#include "api/common/public_url.hpp"
#include "async/pool.hpp"
#include "http/message.hpp"
#include "repos/repositories.hpp"
#include "token/refresh.hpp"
#include "token/tokens.hpp"

namespace holdfast::api::token {

enum class RefreshTokens { off, on };

struct Services {
  accounts::Accounts& accounts;
  accounts::Logins& logins;
  repos::Repositories& repositories;
  const PublicUrl& url;
  holdfast::token::Tokens& tokens;
  holdfast::token::RefreshTokens& refresh_tokens;
  async::BlockingPool& pool;
};

struct Settings {
  RefreshTokens refresh_tokens = RefreshTokens::off;  // whether clients that ask get one (ADR 5)
};

// Safe from any loop.
class Endpoint {
 public:
  Endpoint(Services services, Settings settings);
  // Answers /auth/token; GET, HEAD and POST, 405 for the rest.
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  Services services_;
  Settings settings_;
};

}  // namespace holdfast::api::token
