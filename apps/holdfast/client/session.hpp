// Who speaks to which server; login, logout and status.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "client/connection.hpp"
#include "client/logins.hpp"
#include "client/parse.hpp"

namespace holdfast::client {

inline constexpr std::string_view kNoLogin = "no_login";  // unauthenticated
inline constexpr std::string_view kServerRefused =
    "server_refused";  // unauthenticated for 401, else denied

struct Session {
  std::unique_ptr<Connection> connection;
  Server server;
  Login login;

  // The answer's JSON (null for an empty body), or the server's refusal in its own words.
  // `authorization` empty: by the login. unauthenticated/kServerRefused, denied/kServerRefused, and
  // what Connection::request gives. `next`, when given, gets the start of the page that follows.
  Result<boost::json::value> call(Method method, const std::string& target,
                                  const boost::json::object& body,
                                  const std::string& authorization = "",
                                  std::string* next = nullptr);
  // The same of an answer that is there.
  [[nodiscard]] Result<boost::json::value> read(const Answer& answer) const;
};

// By --host, HOLDFAST_HOST or the last login; HOLDFAST_TOKEN with HOLDFAST_USER instead of what was
// kept. unauthenticated/kNoLogin.
Result<Session> open_session(const Invocation& invocation);

// The server of an address, or as open_session() chooses it for "". Nobody need be logged in there:
// then `login` is empty.
Result<Session> session_at(std::string_view host, const Invocation& invocation);

Result<void> login(const Invocation& invocation);
Result<void> logout(const Invocation& invocation);
Result<void> status(const Invocation& invocation);

}  // namespace holdfast::client
