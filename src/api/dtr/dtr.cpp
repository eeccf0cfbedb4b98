#include "api/dtr/dtr.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

constexpr std::string_view kPrefix = "/api/v0";
constexpr std::string_view kV1 = "/v1";

}  // namespace

Dtr::Dtr(const Services& services)
    : router_("dtr",
              rest::joined({
                  repository_routes(services),  tag_routes(services),
                  team_access_routes(services), event_routes(services),
                  meta_routes(services),        api_token_routes(services),
                  override_routes(services),    pruning_routes(services),
                  search_routes(services),      statistics_routes(services),
                  advisory_routes(services),    imagescan_routes(services),
                  scanner_routes(services),     job_routes(services),
                  cron_routes(services),        event_stream_routes(services),
                  sharing_routes(services),     compare_routes(services),
                  dashboard_routes(services),   service_account_routes(services),
                  account_routes(services),     not_built_routes(),
              }),
              services.callers, services.settings, services.pool),
      v1_("dtr.v1", v1_routes(services), services.callers, services.settings, services.pool) {}
boost::asio::awaitable<http::Response> Dtr::handle(http::Request& request, http::Body& body) {
  std::string_view path = request.path;
  if (path.starts_with(kV1)) return v1_.handle(request, body, path.substr(kV1.size()));
  path.remove_prefix(kPrefix.size());
  return router_.handle(request, body, path);
}

Result<accounts::Account> find_namespace(const Services& services, const Call& call,
                                         std::string_view reference) {
  if (!call.caller.is_anonymous()) {
    return rest::find_account(services.accounts, call, reference);
  }
  const Error unknown = fail(ErrorCode::not_found, accounts::kAccountUnknown,
                             fmt::format("there is no account {}", reference));
  const auto owner = services.accounts.find(reference);
  if (!owner && owner.error().reason == accounts::kAccountUnknown) return unknown;
  HF_CHECK(owner);
  HF_TRY(const auto seen,
         services.repositories.page(
             {.visible = access::visible_set(call.subject()), .ns = owner->name, .limit = 1}));
  if (seen.empty()) return unknown;
  return *owner;
}

Result<std::shared_ptr<const repos::Repository>> find_repository(const Services& services,
                                                                 const Call& call,
                                                                 access::Action action) {
  return find_repository(services, call, call.parameters[0], call.parameters[1], action);
}

Result<std::shared_ptr<const repos::Repository>> find_repository(const Services& services,
                                                                 const Call& call,
                                                                 std::string_view ns,
                                                                 std::string_view repository,
                                                                 access::Action action) {
  const auto name = holdfast::oci::RepositoryName::parse(fmt::format("{}/{}", ns, repository));
  if (!name) return fail(ErrorCode::not_found, repos::kRepositoryUnknown, name.error().message);
  return find_repository(services, call, *name, action);
}

Result<std::shared_ptr<const repos::Repository>> find_repository(
    const Services& services, const Call& call, const holdfast::oci::RepositoryName& name,
    access::Action action) {
  const auto hidden = [&] {
    return fail(ErrorCode::not_found, repos::kRepositoryUnknown,
                fmt::format("there is no repository {}", name.text()));
  };
  const auto found = services.repositories.find(name);
  if (!found && found.error().reason == repos::kRepositoryUnknown) return hidden();
  HF_CHECK(found);
  const access::Object object = access::Object::of(**found);
  if (!access::decide(call.subject(), access::Action::view, object)) return hidden();
  if (access::decide(call.subject(), action, object)) return *found;
  HF_CHECK(rest::need_login(call));
  return rest::not_allowed(
      fmt::format("your access to {} does not go that far: an owner of {} or an administrator of "
                  "the repository may do this",
                  name.text(), name.ns()));
}

std::string_view namespace_type(const repos::Repository& repository) {
  return repository.is_of_organization ? "organization" : "user";
}

Result<std::optional<Timestamp>> moment(const Call& call, std::string_view name) {
  const std::string given = call.text(name);
  if (given.empty()) return std::optional<Timestamp>();
  const auto when = parse_rfc3339(given);
  if (when) return when;
  return fail(ErrorCode::invalid, rest::kQueryInvalid,
              fmt::format("\"{}\" must be a time such as \"2026-11-24T04:31:30Z\"", name));
}

std::int64_t number_after(std::string_view start) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(start.data(), start.data() + start.size(), number);
  return problem == std::errc() && end == start.data() + start.size()
             ? std::max<std::int64_t>(number, 0)
             : 0;
}

Result<Page> page_of(const Call& call) {
  Page page;
  page.start = call.text("pageStart");
  HF_TRY(page.size, call.number("pageSize", 10, 1, rest::kLargestPage));
  if (call.caller.is_anonymous()) page.size = std::min(page.size, kStrangersPage);
  page.count = call.text("count") == "true";
  return page;
}

http::Response with_page_fields(http::Response response, std::string_view next,
                                std::optional<std::int64_t> total) {
  if (!next.empty()) response.field("X-Next-Page-Start", next);
  if (total) response.field("X-Resource-Count", std::to_string(*total));
  return response;
}

http::Response page_response(const boost::json::value& body, std::string_view next,
                             std::optional<std::int64_t> total) {
  return with_page_fields(rest::json_response(200, body), next, total);
}

}  // namespace holdfast::api::dtr
