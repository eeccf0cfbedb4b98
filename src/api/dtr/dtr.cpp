#include "api/dtr/dtr.hpp"

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

constexpr std::string_view kPrefix = "/api/v0";

std::vector<rest::Route> all_routes(const Services& services) {
  std::vector<rest::Route> all = meta_routes(services);
  for (auto& routes : {event_routes(services)}) {
    all.insert(all.end(), routes.begin(), routes.end());
  }
  return all;
}

}  // namespace

Dtr::Dtr(const Services& services)
    : router_("dtr", all_routes(services), services.callers, services.settings, services.pool) {}

boost::asio::awaitable<http::Response> Dtr::handle(http::Request& request, http::Body& body) {
  std::string_view path = request.path;
  path.remove_prefix(kPrefix.size());
  return router_.handle(request, body, path);
}

Result<Page> page_of(const Call& call) {
  Page page;
  page.start = call.text("pageStart");
  HF_TRY(page.size, call.number("pageSize", 10, 1, rest::kLargestPage));
  page.count = call.text("count") == "true";
  return page;
}

http::Response page_response(const boost::json::value& body, std::string_view next,
                             std::optional<std::int64_t> total) {
  http::Response response = rest::json_response(200, body);
  if (!next.empty()) response.field("X-Next-Page-Start", next);
  if (total) response.field("X-Resource-Count", std::to_string(*total));
  return response;
}

}  // namespace holdfast::api::dtr
