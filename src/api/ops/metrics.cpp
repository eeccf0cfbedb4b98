#include "api/ops/metrics.hpp"

#include <map>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <utility>

namespace holdfast::api::ops {

namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};

}  // namespace

struct Metrics::State {
  // What a route and a status have; made once.
  struct Series {
    prometheus::Counter* requests;
    prometheus::Histogram* seconds;
  };

  Series& series(std::string_view route, int status) {
    const std::lock_guard lock(mutex);
    const auto key = std::pair(route, status);
    const auto found = known.find(key);
    if (found != known.end()) return found->second;
    const std::string label(route);
    return known
        .emplace(key, Series{&requests.Add({{"route", label}, {"status", std::to_string(status)}}),
                             &seconds.Add({{"route", label}}, kSeconds)})
        .first->second;
  }

  void set(const std::optional<holdfast::jobs::Counts>& counts) {
    // Held over all of them: what one request takes away another one sets.
    const std::lock_guard lock(mutex);
    const auto one = [&](std::string_view state, std::int64_t holdfast::jobs::Counts::* number) {
      prometheus::Gauge& gauge = jobs.Add({{"state", std::string(state)}});
      if (counts) {
        gauge.Set(static_cast<double>((*counts).*number));
      } else {
        jobs.Remove(&gauge);
      }
    };
    one("waiting", &holdfast::jobs::Counts::waiting);
    one("running", &holdfast::jobs::Counts::running);
    one("failed", &holdfast::jobs::Counts::failed);
  }

  void set(std::optional<std::chrono::seconds> age) {
    const std::lock_guard lock(mutex);
    prometheus::Gauge& gauge = advisories.Add({});
    if (age) {
      gauge.Set(static_cast<double>(age->count()));
    } else {
      advisories.Remove(&gauge);
    }
  }

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("holdfast_http_requests_total")
                                                          .Help("Requests answered.")
                                                          .Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds =
      prometheus::BuildHistogram()
          .Name("holdfast_http_request_seconds")
          .Help("Time from the head of a request to the end of its answer.")
          .Register(registry);
  prometheus::Counter& sent = prometheus::BuildCounter()
                                  .Name("holdfast_http_sent_bytes_total")
                                  .Help("Bytes of bodies sent.")
                                  .Register(registry)
                                  .Add({});
  prometheus::Counter& received = prometheus::BuildCounter()
                                      .Name("holdfast_http_received_bytes_total")
                                      .Help("Bytes of bodies received.")
                                      .Register(registry)
                                      .Add({});
  prometheus::Family<prometheus::Gauge>& connections = prometheus::BuildGauge()
                                                           .Name("holdfast_connections")
                                                           .Help("Connections open now.")
                                                           .Register(registry);
  prometheus::Family<prometheus::Gauge>& totals =
      prometheus::BuildGauge()
          .Name("holdfast_connections_total")
          .Help("Connections since the start, by what became of them.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& limits =
      prometheus::BuildGauge()
          .Name("holdfast_limit_met_total")
          .Help("How often a limit was met since the start, by its setting below limits.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& jobs =
      prometheus::BuildGauge()
          .Name("holdfast_jobs")
          .Help("Jobs that wait or run, and that failed within the last day, on all replicas.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& advisories =
      prometheus::BuildGauge()
          .Name("holdfast_advisories_age_seconds")
          .Help("Since the advisories in force were given, or found to be the newest.")
          .Register(registry);
  std::mutex mutex;
  std::map<std::pair<std::string_view, int>, Series> known;  // routes are constants
};

Metrics::Metrics(std::string_view version) : state_(std::make_unique<State>()) {
  prometheus::BuildGauge()
      .Name("holdfast_build_info")
      .Help("The version that runs.")
      .Register(state_->registry)
      .Add({{"version", std::string(version)}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::observe(const http::Served& served) {
  State::Series& series = state_->series(served.request.route, served.status);
  series.requests->Increment();
  series.seconds->Observe(std::chrono::duration<double>(served.duration).count());
  state_->sent.Increment(static_cast<double>(served.sent_bytes));
  state_->received.Increment(static_cast<double>(served.received_bytes));
}

std::string Metrics::text(const http::Counters& counters, std::span<const Limits::Met> limits,
                          const std::optional<holdfast::jobs::Counts>& jobs,
                          std::optional<std::chrono::seconds> advisories_age) {
  state_->set(jobs);
  state_->set(advisories_age);
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  state_->connections.Add({}).Set(number(counters.connections_open));
  state_->totals.Add({{"outcome", "accepted"}}).Set(number(counters.connections_accepted));
  state_->totals.Add({{"outcome", "refused"}}).Set(number(counters.connections_refused));
  state_->totals.Add({{"outcome", "tls_failed"}}).Set(number(counters.tls_handshakes_failed));
  state_->totals.Add({{"outcome", "tls_resumed"}}).Set(number(counters.tls_sessions_resumed));
  const auto met = [&](std::string_view setting, std::uint64_t times) {
    state_->limits.Add({{"limit", std::string(setting)}}).Set(number(times));
  };
  met("connections", counters.connections_refused - counters.addresses_refused);
  met("connections_per_address", counters.addresses_refused);
  met("header", counters.heads_refused);
  met("header_timeout", counters.heads_timed_out);
  met("body_timeout", counters.bodies_timed_out);
  for (const Limits::Met& limit : limits) met(limit.setting, limit.times);
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace holdfast::api::ops
