#include "api/enzi/enzi.hpp"

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

constexpr std::string_view kPrefix = "/enzi/v0";

}  // namespace

Enzi::Enzi(const Services& services)
    : router_("enzi",
              rest::joined({
                  account_routes(services),
                  member_routes(services),
                  team_routes(services),
                  session_routes(services),
                  job_routes(services),
                  bulk_routes(services),
                  public_key_routes(services),
                  service_routes(services),
                  config_routes(services),
                  import_routes(services),
              }),
              services.callers, services.settings, services.pool) {}

boost::asio::awaitable<http::Response> Enzi::handle(http::Request& request, http::Body& body) {
  std::string_view path = request.path;
  if (path.starts_with(kPrefix)) path.remove_prefix(kPrefix.size());
  return router_.handle(request, body, path);
}

Result<Page> page_of(const Call& call) {
  Page page;
  page.start = call.text("start");
  HF_TRY(page.limit, call.number("limit", 10, 1, rest::kLargestPage));
  return page;
}

Result<accounts::MemberQuery> member_query(const Call& call) {
  HF_TRY(Page page, page_of(call));
  accounts::MemberQuery query;
  query.start = std::move(page.start);
  query.limit = page.limit;
  const std::string filter = call.text("filter");
  if (filter == "admins") {
    query.filter = accounts::MemberFilter::admins;
  } else if (filter == "non-admins") {
    query.filter = accounts::MemberFilter::non_admins;
  } else if (!filter.empty() && filter != "all") {
    return fail(ErrorCode::invalid, rest::kQueryInvalid,
                "\"filter\" must be all, admins or non-admins");
  }
  return query;
}

}  // namespace holdfast::api::enzi
