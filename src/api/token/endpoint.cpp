#include "api/token/endpoint.hpp"

#include <expected>
#include <fmt/format.h>
#include <optional>

#include "access/decide.hpp"
#include "api/common/caller.hpp"
#include "codec/json.hpp"
#include "http/form.hpp"
#include "http/text.hpp"

namespace holdfast::api::token {

namespace asio = boost::asio;
using access::Action;
using access::Object;
using holdfast::token::Access;
using holdfast::token::Actions;

namespace {

constexpr std::size_t kFormLimitBytes = 64UZ * 1024;

// What a request asks for, in either form.
struct Asked {
  enum class Form { get, post };
  Form form = Form::get;
  std::optional<BasicCredential> password;
  std::string refresh_token;
  std::string client_id;
  std::string scopes;
  bool offline = false;
};

http::Response error_response(int status, std::string_view code, std::string_view message) {
  std::string body = fmt::format(R"({{"errors":[{{"code":"{}","message":)", code);
  codec::append_json_string(body, message);
  http::Response response(status);
  response.field("Content-Type", "application/json")
      .field("Cache-Control", "no-store")
      .text(body + "}]}\n");
  return response;
}

http::Response error_response(const Error& error) {
  switch (error.code) {
    case ErrorCode::unauthenticated:
      return error_response(401, "UNAUTHORIZED", error.message);
    case ErrorCode::rate_limited: {
      http::Response response = error_response(429, "TOOMANYREQUESTS", error.message);
      if (!error.details.empty()) response.field("Retry-After", error.details.front());
      return response;
    }
    case ErrorCode::too_large:
      return error_response(413, "SIZE_INVALID", error.message);
    case ErrorCode::invalid:
      return error_response(400, "UNSUPPORTED", error.message);
    default:
      return error_response(503, "UNAVAILABLE", "tokens cannot be given out now");
  }
}

std::string joined(const std::vector<std::string_view>& scopes) {
  std::string text;
  for (const std::string_view scope : scopes) text.append(text.empty() ? "" : " ").append(scope);
  return text;
}

std::unexpected<http::Response> bad_request(std::string_view message) {
  return std::unexpected(error_response(400, "UNSUPPORTED", message));
}

std::expected<Asked, http::Response> parse_get(const http::Request& request,
                                               const http::Form& query) {
  Asked asked;
  asked.scopes = joined(query.values("scope"));
  asked.client_id = query.value("client_id").value_or("");
  asked.offline = query.value("offline_token") == "true";
  const std::string_view field = request.field("authorization").value_or("");
  if (field.empty()) return asked;
  constexpr std::string_view kScheme = "Basic ";
  if (field.size() > kScheme.size() &&
      http::equal_ignoring_case(field.substr(0, kScheme.size()), kScheme)) {
    asked.password = parse_basic(http::trimmed(field.substr(kScheme.size())));
  }
  if (!asked.password) {
    return std::unexpected(
        error_response(401, "UNAUTHORIZED", "the credential must be Basic user:password"));
  }
  return asked;
}

std::expected<Asked, http::Response> parse_post(const http::Form& form) {
  Asked asked;
  asked.form = Asked::Form::post;
  asked.scopes = joined(form.values("scope"));
  asked.client_id = form.value("client_id").value_or("");
  asked.offline = form.value("access_type") == "offline";
  const std::string_view grant = form.value("grant_type").value_or("");
  if (grant == "password") {
    const auto name = form.value("username");
    const auto password = form.value("password");
    if (!name || !password) return bad_request("grant_type password needs username and password");
    asked.password = BasicCredential{std::string(*name), std::string(*password)};
    return asked;
  }
  if (grant == "refresh_token") {
    asked.refresh_token = form.value("refresh_token").value_or("");
    if (asked.refresh_token.empty())
      return bad_request("grant_type refresh_token needs refresh_token");
    return asked;
  }
  return bad_request("grant_type must be password or refresh_token");
}

// Which of the asked actions the subject has now on an object.
Actions allowed(const accounts::Subject& subject, const Object& object, const Actions& asked) {
  Actions granted;
  granted.pull = (asked.pull || asked.all) && access::decide(subject, Action::pull, object);
  granted.push = (asked.push || asked.all) && access::decide(subject, Action::push, object);
  granted.remove =
      (asked.remove || asked.all) && access::decide(subject, Action::delete_content, object);
  return granted;
}

// Cuts actions down to those of an access token's scope.
void narrow(Actions& actions, const accounts::AccessToken& token, std::string_view repository) {
  const accounts::TokenScope scope = token.on(repository);
  actions.pull = (actions.pull || actions.all) && scope.pull;
  actions.push = (actions.push || actions.all) && scope.push;
  actions.remove = (actions.remove || actions.all) && scope.remove;
  actions.all = false;
}

// The scopes cut down to what the subject may, by the access token if it came with one. Blocks.
std::vector<Access> reduced(const Services& services, const accounts::Subject& subject,
                            const accounts::AccessToken* token, const std::vector<Access>& asked,
                            std::string_view own_host) {
  const bool narrowed = token != nullptr && token->is_narrowed();
  std::vector<Access> granted;
  for (const Access& entry : asked) {
    if (entry.type == "registry") {
      // Everybody may ask for the catalog: it lists what they may see.
      if (entry.name == "catalog" && entry.actions.all && !narrowed) granted.push_back(entry);
      continue;
    }
    const auto text = holdfast::token::repository_of(entry.name, own_host);
    if (!text) continue;
    const auto name = oci::RepositoryName::parse(*text);
    if (!name) continue;
    Access cut{"repository", entry.name, {}};
    if (const auto repository = services.repositories.find(*name)) {
      cut.actions = allowed(subject, Object::of(**repository), entry.actions);
    } else if (const auto ns = services.repositories.namespace_id(name->ns())) {
      // Missing: who could create it gets the token, so that the answer of /v2 can say so.
      if (access::decide(subject, Action::create_repository, Object::of_namespace(*ns)))
        cut.actions = entry.actions;
    }
    if (narrowed) narrow(cut.actions, *token, name->text());
    if (cut.actions != Actions{}) granted.push_back(std::move(cut));
  }
  return granted;
}

std::string scope_text(const std::vector<Access>& access) {
  std::string text;
  for (const Access& entry : access) {
    if (!text.empty()) text += ' ';
    text += fmt::format("{}:{}:{}", entry.type, entry.name,
                        fmt::join(holdfast::token::action_names(entry.actions), ","));
  }
  return text;
}

}  // namespace

Endpoint::Endpoint(Services services, Settings settings)
    : services_(services), settings_(settings) {}

asio::awaitable<http::Response> Endpoint::handle(http::Request& request, http::Body& body) {
  request.route = "token";
  std::string text(request.query);
  const bool post = request.method == http::Method::post;
  if (post) {
    auto form = co_await body.read_all(kFormLimitBytes);
    if (!form) co_return error_response(form.error());
    text = *std::move(form);
  } else if (request.method != http::Method::get && request.method != http::Method::head) {
    http::Response response =
        error_response(405, "UNSUPPORTED", "tokens are asked for by GET or POST");
    response.field("Allow", "GET, HEAD, POST");
    co_return response;
  }
  const auto form = http::Form::parse(text);
  if (!form)
    co_return error_response(400, "UNSUPPORTED", "the form is not properly percent-encoded");
  const std::string own_service = services_.url.service(request);
  const std::string own_host = services_.url.host(request);
  if (const auto service = form->value("service");
      service && !service->empty() && *service != own_service) {
    co_return error_response(400, "UNSUPPORTED",
                             "tokens for another service are not given out here");
  }
  const auto asked = post ? parse_post(*form) : parse_get(request, *form);
  if (!asked) co_return asked.error();

  struct Outcome {
    std::shared_ptr<const accounts::Subject> subject = accounts::Accounts::anonymous();
    std::shared_ptr<const accounts::AccessToken> access_token;
    std::int64_t version = 0;
    std::vector<Access> access;
    std::string refresh_token;
  };
  const events::Actor actor = actor_of(request, *accounts::Accounts::anonymous());
  const auto outcome = co_await services_.pool.run([&]() -> Result<Outcome> {
    Outcome made;
    HF_CHECK(services_.tokens.refresh());
    // By a password or a refresh token; with the version that the secret was right for.
    std::optional<accounts::Account> account;
    if (asked->password) {
      HF_TRY(accounts::Login login,
             services_.logins.log_in(asked->password->name, asked->password->password, actor));
      made.access_token = std::move(login.token);
      account = std::move(login.account);
    } else if (!asked->refresh_token.empty()) {
      HF_TRY(account, services_.refresh_tokens.verify(asked->refresh_token, own_host));
    }
    if (account || made.access_token) {
      HF_TRY(made.subject,
             services_.accounts.subject(account ? account->id : made.access_token->account_id));
    }
    if (account) made.version = account->version;
    made.access = reduced(services_, *made.subject, made.access_token.get(),
                          holdfast::token::parse_scopes(asked->scopes), own_service);
    // Not for an access token: what it brought would outlive it, and know nothing of its scope. The
    // client keeps the access token itself.
    if (account && asked->offline && settings_.refresh_tokens == RefreshTokens::on) {
      HF_TRY(made.refresh_token,
             services_.refresh_tokens.issue(*account, own_host, asked->client_id));
    }
    return made;
  });
  if (!outcome) co_return error_response(outcome.error());
  request.user = outcome->subject->name;
  const auto issued = services_.tokens.issue(
      {.account_id = outcome->subject->account_id,
       .name = outcome->subject->name,
       .version = outcome->version,
       .access_token = outcome->access_token ? outcome->access_token->id : std::string_view(),
       .for_scope = !asked->scopes.empty()},
      outcome->access, own_service);
  std::string json =
      fmt::format(R"({{"token":"{}","access_token":"{}","expires_in":{},"issued_at":"{}","scope":)",
                  issued.token, issued.token, issued.expires_in.count(),
                  rfc3339(issued.issued_at).substr(0, 19) + "Z");
  codec::append_json_string(json, scope_text(outcome->access));
  // OAuth keeps the refresh token that was used.
  const std::string& refresh =
      outcome->refresh_token.empty() ? asked->refresh_token : outcome->refresh_token;
  if (!refresh.empty()) json += fmt::format(R"(,"refresh_token":"{}")", refresh);
  http::Response response;
  response.field("Content-Type", "application/json")
      .field("Cache-Control", "no-store")
      .text(json + "}");
  co_return response;
}

}  // namespace holdfast::api::token
