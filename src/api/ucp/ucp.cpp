#include "api/ucp/ucp.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "api/common/session_credential.hpp"
#include "api/rest/accounts.hpp"
#include "api/ucp/handlers.hpp"

namespace holdfast::api::ucp {

namespace {

struct Login {
  accounts::Account account;
  accounts::StartedSession session;
};

// A wrong password, and a session that is over, in the words of a login.
Error refused(const Error& error) {
  if (error.code != ErrorCode::unauthenticated) return error;
  return fail(ErrorCode::unauthenticated, rest::kLoginRefused, error.message, error.details);
}

Result<accounts::Account> account_of(const Services& services, const Call& call) {
  HF_TRY(const auto token, call.fields.text("token"));
  if (token && !token->empty()) {
    HF_TRY(const accounts::SessionUse session, services.sessions.verify(*token));
    return services.accounts.find(session.account_id);
  }
  HF_TRY(const std::string name, call.fields.required_text("username"));
  HF_TRY(const std::string password, call.fields.required_text("password"));
  return services.authenticator.authenticate(name, password, call.actor());
}

// By name and password, or by the token of a session. Always a new session: what a browser or a
// script came with before names nothing of it.
Result<Login> log_in(const Services& services, const Call& call) {
  auto account = account_of(services, call);
  if (!account) return refused(account.error());
  auto session = services.sessions.start(*account, call.actor());
  if (!session) return refused(session.error());
  return Login{*std::move(account), *std::move(session)};
}

// Scripts cut the token out by its place: the first and only key.
Answer auth_login(const Services& services, const Call& call) {
  HF_TRY(const Login login, log_in(services, call));
  return rest::json_response(200, {{"auth_token", login.session.token}});
}

Answer id_login(const Services& services, const Call& call) {
  HF_TRY(const Login login, log_in(services, call));
  return rest::json_response(200, boost::json::object{{"account", rest::shown(login.account)},
                                                      {"sessionToken", login.session.token}});
}

// "session" is out of reach of scripts; "csrftoken" is for them. Neither goes along when another
// site leads here. Without an end the browser forgets them when it is closed.
void set_cookies(http::Response& response, std::string_view token, std::string_view csrf,
                 std::string_view more) {
  response.field("Set-Cookie", fmt::format("{}={}; Path=/; Secure; HttpOnly; SameSite=Strict{}",
                                           kSessionCookie, token, more));
  response.field("Set-Cookie",
                 fmt::format("{}={}; Path=/; Secure; SameSite=Strict{}", kCsrfCookie, csrf, more));
}

// Another site's form must not log a browser in: it would work as somebody else without knowing.
Result<void> need_own_page(const Services& services, const Call& call) {
  const std::string_view origin = call.request.field("origin").value_or("");
  const std::size_t host = origin.find("://");
  // Not its scheme: a proxy may speak TLS for us without saying so.
  if (origin.empty() || (host != std::string_view::npos &&
                         origin.substr(host + 3) == services.url.service(call.request))) {
    return {};
  }
  return rest::not_allowed("a browser logs in by a page of this server only");
}

Answer login_submit(const Services& services, const Call& call) {
  HF_CHECK(need_own_page(services, call));
  HF_TRY(const Login login, log_in(services, call));
  http::Response response = rest::json_response(
      200, boost::json::object{{"account", rest::shown(login.account)},
                               {"mustChangePassword", login.account.must_change_password}});
  set_cookies(response, login.session.token, login.session.csrf_token, "");
  return response;
}

Answer id(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(const accounts::Account account, services.accounts.find(call.subject().account_id));
  return rest::json_response(200, rest::shown(account));
}

// With a password or a token there is nothing to end.
Answer logout(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  http::Response response(204);
  if (call.caller.session.empty()) return response;
  HF_TRY(const accounts::Account account, services.accounts.find(call.subject().account_id));
  const auto ended =
      services.sessions.end(account, accounts::session_id_of(call.caller.session), call.actor());
  // Gone already is what was asked for.
  if (!ended && ended.error().reason != accounts::kSessionUnknown) return ended.error();
  set_cookies(response, "", "", "; Max-Age=0");
  return response;
}

std::vector<rest::Route> all_routes(const Services& services) {
  using http::Method;
  using rest::Gate;
  using rest::WhileReadOnly;
  return {
      {Method::post, "/auth/login", bound(services, auth_login), WhileReadOnly::served,
       Gate::login},
      {Method::post, "/login_submit", bound(services, login_submit), WhileReadOnly::served,
       Gate::login},
      {Method::post, "/id/login", bound(services, id_login), WhileReadOnly::served, Gate::login},
      {Method::get, "/id", bound(services, id), WhileReadOnly::served, Gate::unsettled},
      {Method::post, "/id/logout", bound(services, logout), WhileReadOnly::served, Gate::unsettled},
  };
}

}  // namespace

Ucp::Ucp(const Services& services)
    : router_("ucp", rest::joined({all_routes(services), fact_routes(services)}), services.callers,
              services.settings, services.pool) {}

boost::asio::awaitable<http::Response> Ucp::handle(http::Request& request, http::Body& body) {
  return router_.handle(request, body, request.path);
}

}  // namespace holdfast::api::ucp
