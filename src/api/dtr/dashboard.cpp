// /holdfast/dashboard: what a first page shows to whoever is logged in.
#include <algorithm>
#include <ranges>

#include "api/dtr/event_sight.hpp"
#include "api/dtr/event_words.hpp"
#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

using repos::TrafficQuery;

constexpr std::int64_t kEvents = 10;
constexpr std::chrono::days kTrafficDays{30};
// Of the namespaces of one user; each is counted for itself.
constexpr std::size_t kNamespacesAtMost = 20;

// Administrators: of everything. Others: of the namespaces that they see all of.
struct Sums {
  repos::StorageUse storage;
  repos::TrafficCounts traffic;
};

Result<void> add_traffic(const Services& services, TrafficQuery::Of of, std::int64_t id,
                         Sums& sums) {
  const Timestamp now = services.clock.now();
  HF_TRY(const auto points,
         services.traffic.over_time(
             {of, id, TrafficQuery::Step::day, now - kTrafficDays + std::chrono::days(1), now}));
  for (const repos::TrafficPoint& point : points) {
    sums.traffic.pulls += point.counts.pulls;
    sums.traffic.pushes += point.counts.pushes;
  }
  return {};
}

Result<Sums> sums_of(const Services& services, const repos::VisibleSet& visible) {
  Sums sums;
  if (visible.all) {
    HF_TRY(sums.storage, services.storage.of_all());
    HF_CHECK(add_traffic(services, TrafficQuery::Of::all, 0, sums));
    return sums;
  }
  sums.storage.at = services.clock.now();
  for (const std::int64_t id : visible.namespace_ids | std::views::take(kNamespacesAtMost)) {
    HF_TRY(const repos::StorageUse use, services.storage.of_namespace(id));
    sums.storage.at = std::min(sums.storage.at, use.at);
    sums.storage.bytes += use.bytes;
    sums.storage.manifests += use.manifests;
    sums.storage.tags += use.tags;
    HF_CHECK(add_traffic(services, TrafficQuery::Of::ns, id, sums));
  }
  return sums;
}

Result<boost::json::array> latest_events(const Services& services, const Call& call) {
  events::Filter filter;
  const auto types = events::types();
  filter.types.assign(types.begin(), types.end());
  std::optional<Sight> sight;
  if (!call.subject().is_administrator) {
    HF_TRY(accounts::Account self, services.accounts.find(call.subject().account_id));
    sight.emplace(services, call.subject(), std::move(self));
    HF_TRY(filter.scope, sight->scope());
    filter.also = [&](const events::Event& event) { return sight->sees(event); };
  }
  HF_TRY(const events::Page found,
         events::newest(services.database, filter, std::nullopt, kEvents));
  if (sight) HF_CHECK(sight->outcome());
  Actors actors(services, false);
  HF_CHECK(actors.learn(actors_of(found.events)));
  boost::json::array rows;
  for (const events::Event& event : found.events) {
    rows.emplace_back(shown(event, actors.uuid(event.actor.account_id), Detail::full));
  }
  return rows;
}

Answer dashboard(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  const repos::VisibleSet visible = access::visible_set(call.subject());
  HF_TRY(const Sums sums, sums_of(services, visible));
  HF_TRY(const std::int64_t repositories, services.repositories.count({.visible = visible}));
  HF_TRY(boost::json::array events, latest_events(services, call));
  http::Response response =
      rest::json_response(200, boost::json::object{{"at", rfc3339(sums.storage.at)},
                                                   {"repositories", repositories},
                                                   {"images", sums.storage.manifests},
                                                   {"tags", sums.storage.tags},
                                                   {"bytes", sums.storage.bytes},
                                                   {"pulls", sums.traffic.pulls},
                                                   {"pushes", sums.traffic.pushes},
                                                   {"events", std::move(events)}});
  response.field("Cache-Control", "no-store");
  return response;
}

}  // namespace

std::vector<rest::Route> dashboard_routes(const Services& services) {
  return {{http::Method::get, "/holdfast/dashboard", bound(services, dashboard)}};
}

}  // namespace holdfast::api::dtr
