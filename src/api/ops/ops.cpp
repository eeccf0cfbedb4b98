#include "api/ops/ops.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/log.hpp"
#include "codec/json.hpp"

namespace holdfast::api::ops {

namespace {

http::Response plain(int status, std::string text) {
  http::Response response(status);
  response.field("Content-Type", "text/plain; charset=utf-8").text(std::move(text));
  return response;
}

}  // namespace

Ops::Ops(Services services, Settings settings)
    : services_(std::move(services)), settings_(std::move(settings)) {}

boost::asio::awaitable<http::Response> Ops::handle(http::Request& request, http::Body&) {
  request.route = "ops";
  if (request.method != http::Method::get && request.method != http::Method::head) {
    co_return plain(405, "this page is for GET\n").field("Allow", "GET, HEAD");
  }
  if (request.path == "/ca") co_return ca();
  if (request.path == "/metrics") co_return co_await metrics(request);
  co_return co_await health();
}

// DTR's body: {"Error":"","Healthy":true}, 503 with the part that is broken; and each part with a
// word. That nothing is scanned makes a registry no worse at pushes and pulls.
boost::asio::awaitable<http::Response> Ops::health() {
  std::string_view scanning = "unknown";
  const std::string problem = co_await services_.pool.run([&]() -> std::string {
    if (const auto metadata = services_.database.ping(); !metadata) {
      log::error("metadata is not healthy", {{"error", describe(metadata.error())}});
      return "metadata: " + metadata.error().message;
    }
    if (const auto storage = services_.blobs.ping(); !storage) {
      log::error("storage is not healthy", {{"error", describe(storage.error())}});
      return "storage: " + storage.error().message;
    }
    const Scanner scanner = services_.scanner();
    scanning = !scanner.is_able ? "unavailable" : scanner.is_on ? "ok" : "off";
    return {};
  });
  std::string body = R"({"Error":)";
  codec::append_json_string(body, problem);
  const auto word = [&](std::string_view part) {
    return problem.starts_with(part) ? "broken" : problem.empty() ? "ok" : "unknown";
  };
  body += fmt::format(
      R"(,"Healthy":{},"Components":{{"metadata":"{}","storage":"{}","scanning":"{}"}}}})",
      problem.empty(), problem.starts_with("storage") ? "ok" : word("metadata"), word("storage"),
      scanning);
  http::Response response(problem.empty() ? 200 : 503);
  response.field("Content-Type", "application/json")
      .field("Cache-Control", "no-store")
      .text(std::move(body));
  co_return response;
}

http::Response Ops::ca() const {
  if (settings_.ca_pem.empty()) {
    return plain(
        404, "This server's certificate was given to it: ask its operator for the authority.\n");
  }
  http::Response response;
  response.field("Content-Type", "application/x-pem-file").text(settings_.ca_pem);
  return response;
}

boost::asio::awaitable<http::Response> Ops::metrics(const http::Request& request) {
  if (settings_.metrics == MetricsAccess::off)
    co_return plain(404, "metrics are off (metrics.enabled)\n");
  const bool allowed = std::ranges::any_of(
      settings_.metrics_allow,
      [&](const net::Network& network) { return network.contains(request.client.address); });
  if (!allowed) co_return plain(403, "this address is not in metrics.allow\n");
  const auto jobs = co_await services_.pool.run([&] { return services_.jobs.counts(); });
  const Scanner scanner = co_await services_.pool.run([&] { return services_.scanner(); });
  std::optional<jobs::Counts> counted;
  if (jobs) counted = *jobs;
  http::Response response;
  response.field("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
      .text(services_.metrics.text(services_.counters(), services_.limits.met(), counted,
                                   scanner.advisories_age));
  co_return response;
}

}  // namespace holdfast::api::ops
