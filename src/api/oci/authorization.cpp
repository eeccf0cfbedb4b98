#include "api/oci/authorization.hpp"

#include <fmt/format.h>

#include "access/decide.hpp"
#include "api/common/settings_now.hpp"
#include "api/oci/errors.hpp"

namespace holdfast::api::oci {

namespace asio = boost::asio;
using access::Action;
using access::Object;

namespace {

Action action_of(Right right) {
  switch (right) {
    case Right::pull:
      return Action::pull;
    case Right::push:
      return Action::push;
    case Right::remove:
      return Action::delete_content;
  }
  return Action::delete_content;
}

std::string scope_of(const holdfast::oci::RepositoryName& name, Right right) {
  std::string_view actions = "pull";
  if (right == Right::push) actions = "pull,push";
  if (right == Right::remove) actions = "delete";
  return fmt::format("repository:{}:{}", name.text(), actions);
}

// Whether the caller's token allows it; without a token (a password) everything is allowed.
bool covers(const Caller& caller, std::string_view service, std::string_view name, Right right) {
  if (!caller.claims) return true;
  // Docker's content trust and others write the name with our host before it.
  const std::string with_host = fmt::format("{}/{}", service, name);
  for (const token::Access& entry : caller.claims->access) {
    if (entry.type != "repository" || (entry.name != name && entry.name != with_host)) continue;
    const token::Actions& actions = entry.actions;
    if (actions.all) return true;
    if (right == Right::pull && actions.pull) return true;
    if (right == Right::push && actions.push) return true;
    if (right == Right::remove && actions.remove) return true;
  }
  return false;
}

// Whether the access token that the caller came with has it in its scope. Another token of the same
// would not have it either, so this refuses where covers() challenges.
bool in_scope(const Caller& caller, std::string_view name, Right right) {
  if (!caller.is_narrowed()) return true;
  const accounts::TokenScope scope = caller.access_token->on(name);
  switch (right) {
    case Right::pull:
      return scope.pull;
    case Right::push:
      return scope.push;
    case Right::remove:
      return scope.remove;
  }
  return false;
}

http::Response out_of_scope() {
  return error_response(403, "DENIED", "this is not in the scope of the access token");
}

}  // namespace

http::Response Authorization::challenge(const http::Request& request, std::string_view scope,
                                        std::string_view error) const {
  std::string value = fmt::format(R"(Bearer realm="{}/auth/token",service="{}")",
                                  services_.url.base(request), services_.url.service(request));
  if (!scope.empty()) value += fmt::format(R"(,scope="{}")", scope);
  if (!error.empty()) value += fmt::format(R"(,error="{}")", error);
  std::string_view message = "authentication required";
  if (error == "invalid_token") message = "the credential is not valid or has expired";
  if (error == "insufficient_scope") message = "authentication required: this needs more rights";
  http::Response response = error_response(401, "UNAUTHORIZED", message);
  response.field("WWW-Authenticate", value);
  return response;
}

asio::awaitable<OrRefusal<Caller>> Authorization::identify(http::Request& request,
                                                           std::string_view scope) const {
  auto caller = co_await services_.callers.identify(request);
  if (!caller) {
    if (caller.error().code != ErrorCode::unauthenticated) {
      co_return std::unexpected(error_response(caller.error()));
    }
    co_return std::unexpected(challenge(request, scope, "invalid_token"));
  }
  if (!caller->has_credential) co_return std::unexpected(challenge(request, scope, {}));
  co_return *std::move(caller);
}

asio::awaitable<OrRefusal<Caller>> Authorization::base(http::Request& request) const {
  co_return co_await identify(request, {});
}

asio::awaitable<OrRefusal<Caller>> Authorization::catalog(http::Request& request) const {
  constexpr std::string_view kScope = "registry:catalog:*";
  auto caller = co_await identify(request, kScope);
  if (!caller) co_return caller;
  // Its repositories are named in its scope; it has no business with the others.
  if (caller->is_narrowed()) co_return std::unexpected(out_of_scope());
  if (!caller->claims) co_return caller;
  for (const token::Access& entry : caller->claims->access) {
    if (entry.type == "registry" && entry.name == "catalog" && entry.actions.all) co_return caller;
  }
  co_return std::unexpected(challenge(request, kScope, "insufficient_scope"));
}

asio::awaitable<OrRefusal<Granted>> Authorization::repository(
    http::Request& request, const holdfast::oci::RepositoryName& name, Right right,
    IfMissing if_missing) const {
  const std::string scope = scope_of(name, right);
  auto caller = co_await identify(request, scope);
  if (!caller) co_return std::unexpected(std::move(caller).error());
  // Before anything says whether the repository is there.
  if (!in_scope(*caller, name.text(), right)) co_return std::unexpected(out_of_scope());
  std::shared_ptr<const repos::Repository> repository = services_.repositories.cached(name.text());
  if (!repository) {
    auto found = co_await services_.pool.run([&] { return services_.repositories.find(name); });
    if (!found && found.error().reason != repos::kRepositoryUnknown) {
      co_return std::unexpected(error_response(found.error()));
    }
    if (!found)
      co_return co_await missing(request, *std::move(caller), name, right, if_missing, scope);
    repository = *std::move(found);
  }
  // A token only narrows: the right itself is decided now.
  if (!access::decide(*caller->subject, action_of(right), Object::of(*repository))) {
    co_return std::unexpected(refuse(request, *caller, name, right, scope));
  }
  if (!covers(*caller, services_.url.service(request), name.text(), right)) {
    co_return std::unexpected(challenge(request, scope, "insufficient_scope"));
  }
  events::Actor actor = actor_of(request, *caller->subject);
  co_return Granted{*std::move(caller), std::move(repository), std::move(actor)};
}

asio::awaitable<OrRefusal<Granted>> Authorization::missing(
    http::Request& request, Caller caller, const holdfast::oci::RepositoryName& name, Right right,
    IfMissing if_missing, std::string_view scope) const {
  const auto ns =
      co_await services_.pool.run([&] { return services_.repositories.namespace_id(name.ns()); });
  const bool owner =
      ns && access::decide(*caller.subject, Action::create_repository, Object::of_namespace(*ns));
  const bool sees_all = caller.subject->is_active && caller.subject->is_administrator;
  if (!owner && !sees_all) co_return std::unexpected(refuse(request, caller, name, right, scope));
  if (!covers(caller, services_.url.service(request), name.text(), right)) {
    co_return std::unexpected(challenge(request, scope, "insufficient_scope"));
  }
  if (if_missing == IfMissing::refuse) {
    co_return std::unexpected(
        error_response(404, "NAME_UNKNOWN", fmt::format("there is no repository {}", name.text())));
  }
  const auto settings = co_await settings_now(services_.settings, services_.pool);
  if (!settings) co_return std::unexpected(error_response(settings.error()));
  if (!(*settings)->create_repository_on_push || !owner) {
    co_return std::unexpected(error_response(
        403, "DENIED",
        fmt::format(
            "repository {} does not exist: its namespace's owner or an administrator creates "
            "it first (holdfast admin repo create {})",
            name.text(), name.text())));
  }
  events::Actor actor = actor_of(request, *caller.subject);
  auto made =
      co_await services_.pool.run([&]() -> Result<std::shared_ptr<const repos::Repository>> {
        const auto created = services_.repositories.create(name, {}, actor);
        if (!created && created.error().reason != repos::kRepositoryExists) return created.error();
        return services_.repositories.find(name);
      });
  if (!made) co_return std::unexpected(error_response(made.error()));
  co_return Granted{std::move(caller), *std::move(made), std::move(actor)};
}

// The same for what is hidden and what is missing.
http::Response Authorization::refuse(const http::Request& request, const Caller& caller,
                                     const holdfast::oci::RepositoryName& name, Right right,
                                     std::string_view scope) const {
  if (caller.is_anonymous()) return challenge(request, scope, "insufficient_scope");
  std::string_view verb = "pull from";
  if (right == Right::push) verb = "push to";
  if (right == Right::remove) verb = "delete in";
  return error_response(403, "DENIED",
                        fmt::format("you may not {} {}, or it does not exist: ask an owner of its "
                                    "namespace or an administrator",
                                    verb, name.text()));
}

bool Authorization::may_pull(const http::Request& request, const Caller& caller,
                             const repos::Repository& from) const {
  return may(request, caller, from, Right::pull);
}

bool Authorization::may_push(const http::Request& request, const Granted& granted) const {
  return may(request, granted.caller, *granted.repository, Right::push);
}

bool Authorization::may(const http::Request& request, const Caller& caller,
                        const repos::Repository& on, Right right) const {
  return in_scope(caller, on.name.text(), right) &&
         covers(caller, services_.url.service(request), on.name.text(), right) &&
         access::decide(*caller.subject, action_of(right), Object::of(on));
}

}  // namespace holdfast::api::oci
