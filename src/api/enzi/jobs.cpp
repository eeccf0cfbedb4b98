// /jobs and /workers as eNZi has them: the same as DTR's, in fewer words. For administrators.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "api/enzi/handlers.hpp"
#include "base/clock.hpp"

namespace holdfast::api::enzi {

namespace {

using jobs::Job;

constexpr std::int64_t kJobsAtMost = 10'000;
constexpr std::int64_t kLinesAtMost = 20'000;  // more than a log has
constexpr std::string_view kLdapSync = "ldap-sync";

// eNZi has fewer words than DTR. What its worker did not end went wrong: another job goes on with
// it.
std::string_view word(jobs::Status status) {
  using jobs::Status;
  switch (status) {
    case Status::waiting:
    case Status::running:
    case Status::done:
      return name(status);
    case Status::cancel_request:
      return name(Status::running);
    case Status::cancel:
      return "canceled";
    default:
      return "errored";
  }
}

boost::json::object shown(const Job& job) {
  return {{"id", job.uuid},
          {"workerID", job.worker},
          {"status", word(job.status)},
          {"scheduledAt", rfc3339(job.scheduled_at)},
          {"lastUpdated", rfc3339(job.updated_at)},
          {"action", job.action}};
}

std::string filter(const Call& call, std::string_view name) {
  std::string given = call.text(name);
  if (given == "any") given.clear();
  return given;
}

Answer list(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  jobs::JobQuery query{.action = filter(call, "action"), .worker = filter(call, "worker")};
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
  HF_TRY(const std::string action, call.fields.required_text("action"));
  // Nothing is imported here, and to say yes would let a script wait for it.
  if (action == kLdapSync) {
    return fail(ErrorCode::unsupported, rest::kNotBuilt,
                "accounts are not kept in LDAP here: there is nothing to synchronize");
  }
  HF_TRY(const Job job, services.jobs.queue.enqueue({.action = action}, call.actor()));
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

Answer logs(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto lines, services.jobs.queue.logs(call.parameters[0], 0, kLinesAtMost));
  std::string text;
  for (const jobs::LogLine& line : lines) text += line.data + "\n";
  http::Response response(200);
  response.field("Content-Type", "text/plain; charset=utf-8")
      .field("X-Content-Type-Options", "nosniff")
      .field("Cache-Control", "no-store")
      .text(std::move(text));
  return response;
}

Answer list_workers(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto workers, services.jobs.workers.list());
  boost::json::array rows;
  for (const jobs::Worker& worker : workers) {
    rows.emplace_back(boost::json::object{{"id", worker.id}, {"address", worker.address}});
  }
  return rest::json_response(200, boost::json::object{{"workers", std::move(rows)}});
}

Answer remove_worker(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  const bool force = call.text("force") == "true";
  HF_CHECK(services.jobs.workers.remove(call.parameters[0], force, call.actor()));
  return http::Response(204);
}

Answer ping_worker(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const jobs::Worker worker, services.jobs.workers.find(call.parameters[0]));
  if (worker.is_alive) return http::Response(204);
  return fail(ErrorCode::unavailable, jobs::kWorkerUnknown,
              fmt::format("nothing was heard of the worker {} since {}", worker.id,
                          rfc3339(worker.heartbeat_ends)));
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
          {Method::get, "/jobs/{job}/logs", bound(services, logs)},
          {Method::get, "/workers", bound(services, list_workers)},
          {Method::del, "/workers/{worker}", bound(services, remove_worker)},
          {Method::get, "/workers/{worker}/ping", bound(services, ping_worker)}};
}

}  // namespace holdfast::api::enzi
