// /holdfast/storage and /holdfast/traffic: what is stored, and what is pulled and pushed.
#include <algorithm>
#include <fmt/format.h>

#include "api/dtr/handlers.hpp"
#include "repos/storage.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;
using access::Object;
using repos::TrafficQuery;
using Step = TrafficQuery::Step;

http::Response storage_response(const repos::StorageUse& use) {
  http::Response response =
      rest::json_response(200, boost::json::object{{"at", rfc3339(use.at)},
                                                   {"bytes", use.bytes},
                                                   {"sharedBytes", use.shared_bytes},
                                                   {"exclusiveBytes", use.bytes - use.shared_bytes},
                                                   {"manifestBytes", use.manifest_bytes},
                                                   {"repositories", use.repositories},
                                                   {"tags", use.tags},
                                                   {"manifests", use.manifests},
                                                   {"blobs", use.blobs}});
  response.field("Cache-Control", "no-store");
  return response;
}

// A namespace for those who may see all of it. Others are told of what they may see alone.
Result<accounts::Account> find_whole_namespace(const Services& services, const Call& call,
                                               std::string_view reference) {
  HF_TRY(accounts::Account owner, find_namespace(services, call, reference));
  if (access::decide(call.subject(), Action::view, Object::of_namespace(owner.id))) return owner;
  HF_CHECK(rest::need_login(call));
  return rest::not_allowed(
      fmt::format("this is for those who may see every repository of {}", owner.name));
}

Answer storage_of_all(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const repos::StorageUse use, services.storage.of_all());
  return storage_response(use);
}

Answer storage_of_namespace(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner, find_whole_namespace(services, call, call.parameters[0]));
  HF_TRY(const repos::StorageUse use, services.storage.of_namespace(owner.id));
  return storage_response(use);
}

Answer storage_of_repository(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(const repos::StorageUse use, services.storage.of_repository(repository->id));
  return storage_response(use);
}

std::chrono::microseconds length_of(Step step) {
  return step == Step::hour ? std::chrono::microseconds(std::chrono::hours(1))
                            : std::chrono::microseconds(std::chrono::days(1));
}

// Whose traffic; for what the caller may see.
Result<void> set_whose(const Services& services, const Call& call, TrafficQuery& query) {
  const std::string repository = call.text("repository");
  const std::string ns = call.text("namespace");
  if (!repository.empty()) {
    const auto name = holdfast::oci::RepositoryName::parse(repository);
    if (!name) return fail(ErrorCode::not_found, repos::kRepositoryUnknown, name.error().message);
    HF_TRY(const auto found, find_repository(services, call, *name, Action::view));
    query.of = TrafficQuery::Of::repository;
    query.id = found->id;
  } else if (!ns.empty()) {
    HF_TRY(const accounts::Account owner, find_whole_namespace(services, call, ns));
    query.of = TrafficQuery::Of::ns;
    query.id = owner.id;
  } else {
    HF_CHECK(rest::need_administrator(call));
  }
  return {};
}

// The last day by the hour, or the last 30 days by the day, unless it says otherwise; never beyond
// what is kept.
Result<void> set_when(const Services& services, const Call& call, TrafficQuery& query) {
  const std::string step = call.text("step");
  if (!step.empty() && step != "hour" && step != "day") {
    return fail(ErrorCode::invalid, rest::kQueryInvalid, "\"step\" must be \"hour\" or \"day\"");
  }
  query.step = step == "hour" ? Step::hour : Step::day;
  const std::chrono::days by_default(query.step == Step::hour ? 1 : 30);
  const Timestamp now = services.clock.now();
  HF_TRY(const auto from, moment(call, "from"));
  HF_TRY(const auto to, moment(call, "to"));
  query.to = std::min(to.value_or(now), now);
  query.from = std::max(from.value_or(query.to - by_default),
                        now - (query.step == Step::hour ? repos::kHoursKept : repos::kDaysKept));
  return {};
}

Answer traffic(const Services& services, const Call& call) {
  TrafficQuery query;
  HF_CHECK(set_whose(services, call, query));
  HF_CHECK(set_when(services, call, query));
  HF_TRY(const auto found, services.traffic.over_time(query));
  // Every hour or day has its point, so that what is drawn of them has no gaps.
  boost::json::array points;
  repos::TrafficCounts sum;
  auto next = found.begin();
  const std::chrono::microseconds length = length_of(query.step);
  Timestamp at = query.from - (query.from.time_since_epoch() % length);
  for (; at < query.to; at += length) {
    const bool happened = next != found.end() && next->at == at;
    const repos::TrafficCounts counts = happened ? (next++)->counts : repos::TrafficCounts();
    sum.pulls += counts.pulls;
    sum.pushes += counts.pushes;
    points.emplace_back(boost::json::object{
        {"at", rfc3339(at)}, {"pulls", counts.pulls}, {"pushes", counts.pushes}});
  }
  return rest::json_response(
      200, boost::json::object{{"step", query.step == Step::hour ? "hour" : "day"},
                               {"pulls", sum.pulls},
                               {"pushes", sum.pushes},
                               {"points", std::move(points)}});
}

}  // namespace

std::vector<rest::Route> statistics_routes(const Services& services) {
  using http::Method;
  return {{Method::get, "/holdfast/storage", bound(services, storage_of_all)},
          {Method::get, "/holdfast/storage/{namespace}", bound(services, storage_of_namespace)},
          {Method::get, "/holdfast/storage/{namespace}/{repository}",
           bound(services, storage_of_repository)},
          {Method::get, "/holdfast/traffic", bound(services, traffic)}};
}

}  // namespace holdfast::api::dtr
