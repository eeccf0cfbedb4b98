// /jobs: what was, is and will be done in the background. For administrators.
#include <algorithm>
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "api/dtr/handlers.hpp"
#include "api/dtr/job_fields.hpp"
#include "base/clock.hpp"

namespace holdfast::api::dtr {

namespace {

using jobs::Job;

// A page is made in memory: this bounds it, whatever is asked for.
constexpr std::int64_t kJobsAtMost = 10'000;
constexpr std::int64_t kLinesAtMost = 20'000;  // more than a log has

boost::json::object shown(const Job& job) {
  return {{"id", job.uuid},
          {"retryFromID", job.retry_from},
          {"workerID", job.worker},
          {"status", name(job.status)},
          {"scheduledAt", rfc3339(job.scheduled_at)},
          {"lastUpdated", rfc3339(job.updated_at)},
          {"action", job.action},
          {"retriesLeft", job.retries_left},
          {"retriesTotal", job.retries_total},
          {"capacityMap", shown_capacity(job.capacity)},
          {"parameters", shown_parameters(job.parameters)},
          {"deadline", job.deadline},
          {"stopTimeout", job.stop_timeout}};
}

// "any" means what nothing means.
std::string filter(const Call& call, std::string_view name) {
  std::string given = call.text(name);
  if (given == "any") given.clear();
  return given;
}

Result<std::optional<bool>> running_filter(const Call& call) {
  const std::string given = filter(call, "running");
  if (given.empty()) return std::optional<bool>();
  if (given == "true" || given == "false") return std::optional(given == "true");
  return fail(ErrorCode::invalid, rest::kQueryInvalid, "\"running\" must be any, true or false");
}

Answer list(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  jobs::JobQuery query{.action = filter(call, "action"), .worker = filter(call, "worker")};
  HF_TRY(query.running, running_filter(call));
  HF_TRY(query.start, call.number("start", 0, 0, rest::kLargestPage));
  HF_TRY(query.limit, call.number("limit", 10, 1, rest::kLargestPage));
  query.limit = std::min(query.limit, kJobsAtMost);
  HF_TRY(const std::vector<Job> found, services.jobs.queue.list(query));
  boost::json::array rows;
  for (const Job& job : found) rows.emplace_back(shown(job));
  return rest::json_response(200, boost::json::object{{"jobs", std::move(rows)}});
}

Answer create(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const jobs::NewJob wanted, job_in(call.fields));
  HF_TRY(const Job job, services.jobs.queue.enqueue(wanted, call.actor()));
  return rest::json_response(202, shown(job));
}

Answer get(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const Job job, services.jobs.queue.find(call.parameters[0]));
  return rest::json_response(200, shown(job));
}

Answer remove(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_CHECK(services.jobs.queue.remove(call.parameters[0], call.actor()));
  return http::Response(204);
}

Answer cancel(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_CHECK(services.jobs.queue.cancel(call.parameters[0], call.actor()));
  return http::Response(204);
}

// `stream` changes nothing: what there is now is the answer; `offset` goes on behind it.
Answer logs(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const std::int64_t offset, call.number("offset", 0, 0, INT64_MAX));
  HF_TRY(std::int64_t limit, call.number("limit", 0, 0, INT64_MAX));
  limit = limit == 0 ? kLinesAtMost : std::min(limit, kLinesAtMost);
  HF_TRY(const auto found, services.jobs.queue.logs(call.parameters[0], offset, limit));
  boost::json::array lines;
  for (const jobs::LogLine& line : found) {
    lines.emplace_back(boost::json::object{{"data", line.data}, {"lineNum", line.number}});
  }
  return rest::json_response(200, lines);
}

}  // namespace

std::vector<rest::Route> job_routes(const Services& services) {
  using http::Method;
  // What runs can be stopped at any time.
  constexpr auto kServed = rest::WhileReadOnly::served;
  return {{Method::get, "/jobs", bound(services, list)},
          {Method::post, "/jobs", bound(services, create)},
          {Method::get, "/jobs/{job}", bound(services, get)},
          {Method::del, "/jobs/{job}", bound(services, remove)},
          {Method::post, "/jobs/{job}/cancel", bound(services, cancel), kServed},
          {Method::get, "/jobs/{job}/logs", bound(services, logs)}};
}

}  // namespace holdfast::api::dtr
