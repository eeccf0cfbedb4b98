// GET and POST /auth/token: the token protocol of Docker Registry v2 and its OAuth 2 form.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "accounts/accounts.hpp"
#include "accounts/authenticator.hpp"
#include "async/pool.hpp"
#include "http/message.hpp"
#include "repos/repositories.hpp"
#include "token/tokens.hpp"

namespace holdfast::api::token {

enum class RefreshTokens { off, on };

struct Services {
  accounts::Accounts& accounts;
  accounts::Authenticator& authenticator;
  repos::Repositories& repositories;
  holdfast::token::Tokens& tokens;
  async::BlockingPool& pool;
};

struct Settings {
  std::string service;  // host[:port] of the external URL
  RefreshTokens refresh_tokens = RefreshTokens::off;
};

class Endpoint {
 public:
  Endpoint(Services services, Settings settings);
  ~Endpoint();
  // Answers /auth/token; GET, POST and HEAD, 405 for the rest.
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::api::token
