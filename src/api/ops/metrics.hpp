// Numbers for Prometheus.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/common/limits.hpp"
#include "http/server.hpp"
#include "jobs/queue.hpp"

namespace holdfast::api::ops {

// Safe from any thread; observe() is on every request's path and allocates nothing after a route's
// first request.
class Metrics {
 public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  void observe(const http::Served& served);
  // The text form (version 0.0.4), with the server's counters of the moment. Without `jobs`, which
  // the database did not give, or the age, theirs are left out.
  std::string text(const http::Counters& counters, std::span<const Limits::Met> limits,
                   const std::optional<jobs::Counts>& jobs,
                   std::optional<std::chrono::seconds> advisories_age);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::api::ops
