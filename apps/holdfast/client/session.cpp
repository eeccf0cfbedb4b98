#include "client/session.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include "client/layout.hpp"
#include "client/secrets.hpp"
#include "codec/json.hpp"

namespace holdfast::client {

namespace json = boost::json;

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string_view word(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "GET";
}

// The server's own sentences. It may be any server, or a proxy's page of HTML.
Error refusal(const Answer& answer, const json::value& body, const std::string& host) {
  std::string text;
  const json::value* errors = codec::member(body, "errors");
  if (errors != nullptr && errors->is_array()) {
    for (const json::value& error : errors->get_array()) {
      const auto message = codec::string_member(error, "message");
      if (message) text += fmt::format("{}{}", text.empty() ? "" : "\n", harmless(*message));
    }
  }
  if (text.empty()) text = fmt::format("{} answered with status {}", host, answer.status);
  const bool unknown = answer.status == 401;
  if (unknown) text += fmt::format("\nLog in again: holdfast login {}", host);
  if (answer.status == 429 || answer.status == 503) text += "\nTry again in a moment.";
  return fail(unknown ? ErrorCode::unauthenticated : ErrorCode::denied, kServerRefused, text);
}

Result<Trust> trust_of(const Invocation& invocation, const std::string& kept) {
  Trust trust{kept, invocation.has("insecure")};
  if (trust.anybody) {
    fmt::print(
        stderr,
        "holdfast: WARNING: --insecure: whoever answers is taken for the server, and gets your "
        "password or token\n");
  }
  const std::string file = invocation.flag("ca", variable("HOLDFAST_CA"));
  if (file.empty()) return trust;
  std::ifstream stream(file);
  if (!stream) return fail(ErrorCode::invalid, kCaInvalid, fmt::format("{} cannot be read", file));
  trust.ca_pem.assign(std::istreambuf_iterator<char>(stream), {});
  if (!trust.ca_pem.empty()) return trust;
  return fail(ErrorCode::invalid, kCaInvalid, fmt::format("{} is empty", file));
}

// HOLDFAST_TOKEN with HOLDFAST_USER instead of what was kept.
Result<void> take_variables(Session& session) {
  const std::string token = variable("HOLDFAST_TOKEN");
  if (token.empty()) return {};
  session.login.token = token;
  if (const std::string user = variable("HOLDFAST_USER"); !user.empty()) session.login.user = user;
  if (!session.login.user.empty()) return {};
  return fail(ErrorCode::unauthenticated, kNoLogin,
              "HOLDFAST_TOKEN needs HOLDFAST_USER: whose token it is");
}

// The server that was chosen, and what is kept of it.
Result<Session> chosen(std::string host, const Logins& logins) {
  if (host.empty()) host = logins.current;
  if (host.empty()) {
    return fail(ErrorCode::unauthenticated, kNoLogin,
                "you are not logged in; begin with: holdfast login HOST");
  }
  Session session;
  HF_TRY(session.server, parse_server(host));
  if (const auto kept = logins.hosts.find(session.server.text()); kept != logins.hosts.end()) {
    session.login = kept->second;
  }
  return session;
}

std::string host_of(const Invocation& invocation) {
  return invocation.flag("host", variable("HOLDFAST_HOST"));
}

Result<void> connect(Session& session, const Invocation& invocation) {
  HF_TRY(const Trust trust, trust_of(invocation, session.login.ca_pem));
  session.login.ca_pem = trust.ca_pem;
  HF_TRY(session.connection, Connection::make(session.server, trust));
  return {};
}

std::string label() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return fmt::format("holdfast CLI on {}", name.data());
}

Result<void> take_token(Session& session, const Invocation& invocation) {
  HF_TRY(const std::string password,
         invocation.has("password-stdin")
             ? read_line()
             : ask_secret(fmt::format("Password of {}: ", session.login.user), "--password-stdin"));
  const std::string authorization = basic(session.login.user, password);
  const std::string before = session.login.token_id;
  HF_TRY(const json::value made, session.call(Method::post, "/api/v0/api_tokens",
                                              {{"tokenLabel", label()}}, authorization));
  session.login.token = codec::string_member(made, "token").value_or("");
  session.login.token_id = codec::string_member(made, "hashedToken").value_or("");
  if (session.login.token.empty()) {
    return fail(ErrorCode::denied, kServerRefused,
                fmt::format("{} gave no token: is it a Holdfast server?", session.server.text()));
  }
  // The one of the login before, if the server has it still.
  if (!before.empty()) {
    (void)session.call(Method::del, "/api/v0/api_tokens/" + percent_encoded(before), {},
                       authorization);
  }
  return {};
}

Result<void> given_token(Session& session) {
  HF_TRY(session.login.token, read_line());
  session.login.token_id.clear();
  HF_TRY(const json::value self, session.call(Method::get, "/id", {}));
  const auto name = codec::string_member(self, "name");
  if (name) session.login.user = *name;
  return {};
}

}  // namespace

Result<json::value> Session::call(Method method, const std::string& target,
                                  const json::object& body, const std::string& authorization,
                                  std::string* next) {
  const bool speaks = method == Method::post || method == Method::put || method == Method::patch;
  HF_TRY(Answer answer,
         connection->request(word(method), target,
                             authorization.empty() ? basic(login.user, login.token) : authorization,
                             speaks ? json::serialize(body) : ""));
  HF_TRY(json::value parsed, read(answer));
  if (next != nullptr) *next = std::move(answer.next_page);
  return parsed;
}

Result<json::value> Session::read(const Answer& answer) const {
  auto parsed =
      answer.body.empty() ? Result<json::value>(json::value()) : codec::parse_json(answer.body);
  if (answer.status < 200 || answer.status > 299) {
    return refusal(answer, parsed ? *parsed : json::value(), server.text());
  }
  if (!parsed) {
    return fail(
        ErrorCode::denied, kServerRefused,
        fmt::format("{} answered with what is no JSON: is it a Holdfast server?", server.text()));
  }
  return parsed;
}

Result<Session> open_session(const Invocation& invocation) {
  HF_TRY(const Logins logins, load_logins(logins_file()));
  HF_TRY(Session session, chosen(host_of(invocation), logins));
  HF_CHECK(take_variables(session));
  if (session.login.token.empty()) {
    return fail(ErrorCode::unauthenticated, kNoLogin,
                fmt::format("you are not logged in to {0}; begin with: holdfast login {0}",
                            session.server.text()));
  }
  HF_CHECK(connect(session, invocation));
  return session;
}

Result<Session> session_at(std::string_view host, const Invocation& invocation) {
  HF_TRY(const Logins logins, load_logins(logins_file()));
  HF_TRY(Session session, chosen(host.empty() ? host_of(invocation) : std::string(host), logins));
  // The variables are about the server of HOLDFAST_HOST; without that, about whichever is named.
  const auto meant = parse_server(variable("HOLDFAST_HOST"));
  if (!meant || meant->text() == session.server.text()) HF_CHECK(take_variables(session));
  HF_CHECK(connect(session, invocation));
  return session;
}

Result<void> login(const Invocation& invocation) {
  const std::filesystem::path file = logins_file();
  HF_TRY(Logins logins, load_logins(file));
  Session session;
  HF_TRY(session.server, parse_server(invocation.values.at("host[:port]")));
  const std::string host = session.server.text();
  std::string user = invocation.flag("user");
  if (user.empty()) {
    HF_TRY(user, ask("User: ", "--user"));
  }
  // What was kept of another user is theirs.
  if (const auto kept = logins.hosts.find(host); kept != logins.hosts.end()) {
    if (kept->second.user == user) session.login = kept->second;
    session.login.ca_pem = kept->second.ca_pem;
  }
  session.login.user = user;
  HF_CHECK(connect(session, invocation));
  if (invocation.has("token-stdin")) {
    HF_CHECK(given_token(session));
  } else {
    HF_CHECK(take_token(session, invocation));
  }
  logins.current = host;
  logins.hosts[host] = session.login;
  auto saved = save_logins(file, logins);
  if (!saved) {
    // A token that nobody has must not stay. Best effort: the disk is the problem to tell.
    if (!session.login.token_id.empty()) {
      (void)session.call(Method::del,
                         "/api/v0/api_tokens/" + percent_encoded(session.login.token_id), {});
    }
    return saved;
  }
  fmt::print("Logged in to {} as {}.\n", host, harmless(session.login.user));
  return {};
}

Result<void> logout(const Invocation& invocation) {
  const std::filesystem::path file = logins_file();
  HF_TRY(Logins logins, load_logins(file));
  HF_TRY(Session session, chosen(host_of(invocation), logins));
  const std::string host = session.server.text();
  if (session.login.token.empty()) {
    return fail(ErrorCode::unauthenticated, kNoLogin,
                fmt::format("you are not logged in to {}", host));
  }
  Result<void> deleted;
  if (!session.login.token_id.empty()) {
    deleted = connect(session, invocation);
    if (deleted) {
      const auto answer = session.call(
          Method::del, "/api/v0/api_tokens/" + percent_encoded(session.login.token_id), {});
      // One that is refused is gone already.
      if (!answer && answer.error().code != ErrorCode::unauthenticated) deleted = answer.error();
    }
  }
  logins.hosts.erase(host);
  if (logins.current == host) {
    logins.current = logins.hosts.empty() ? "" : logins.hosts.begin()->first;
  }
  HF_CHECK(save_logins(file, logins));
  if (!deleted) {
    Error error = deleted.error();
    error.message +=
        "\nThe login is forgotten here, but its token is still good on the server: "
        "delete it there.";
    return error;
  }
  fmt::print("Logged out of {}.\n", host);
  return {};
}

Result<void> status(const Invocation& invocation) {
  HF_TRY(Session session, open_session(invocation));
  json::object all{{"server", session.server.text()}, {"user", session.login.user}};
  const std::array<std::pair<std::string_view, std::string>, 4> parts = {
      {{"version", "/api/v0/admin/version"},
       {"features", "/api/v0/meta/features"},
       {"alerts", "/api/v0/meta/alerts"},
       {"cluster", "/api/v0/meta/cluster_status"}}};
  for (const auto& [name, path] : parts) {
    auto part = session.call(Method::get, path, {});
    // The last two are for administrators.
    if (!part && part.error().code == ErrorCode::denied && name != "version") continue;
    HF_CHECK(part);
    all[name] = *std::move(part);
  }
  if (const json::value* version = codec::member(all["version"], "version")) {
    all["version"] = json::value(*version);
  }
  if (invocation.has("json")) {
    fmt::print("{}\n", json_text(all));
    return {};
  }
  fmt::print("{}", card(json::object{{"SERVER", all["server"]},
                                     {"USER", all["user"]},
                                     {"VERSION", all["version"]}},
                        {}, Timestamp()));
  if (const json::value* health = codec::member(all["cluster"], "replica_health")) {
    fmt::print("\nREPLICAS\n{}", card(*health, {}, Timestamp()));
  }
  if (const json::value* alerts = all.if_contains("alerts");
      alerts != nullptr && alerts->is_array()) {
    fmt::print("\nALERTS\n");
    if (alerts->get_array().empty()) fmt::print("none\n");
    for (const json::value& alert : alerts->get_array()) {
      fmt::print("{}\n", harmless(codec::string_member(alert, "message").value_or("")));
    }
  }
  return {};
}

}  // namespace holdfast::client
