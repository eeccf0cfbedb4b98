// The kinds of jobs that this program knows: their names, their work and how they are run.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "jobs/run.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kActionUnknown = "job_action_unknown";  // invalid

// What is taken of a worker while a job runs: {"scan": 1}.
using CapacityMap = std::map<std::string, std::int64_t, std::less<>>;

struct Action {
  std::string name{};         // "onlinegc"
  std::string description{};  // for people: what it does
  Work work{};                // called on a thread of its own, with the parameters of the job
  // After so long it is told to stop; 0: never. A job may say otherwise, as for the next two.
  std::chrono::seconds deadline{0};
  std::chrono::seconds stop_timeout{60};  // what it needs to end once it is told; then it is logged
  std::int64_t retries = 0;               // how often it is tried again after an error
  std::string capacity_key{};             // takes one of this key of its worker; "": none
  bool alone = false;                     // at most one runs at a time, on all replicas together
};

// Filled while the program starts, then read by any thread.
class Actions {
 public:
  void add(Action action);
  // invalid/kActionUnknown, naming those that there are.
  [[nodiscard]] Result<const Action*> find(std::string_view name) const;
  // In the order of their names.
  [[nodiscard]] std::vector<const Action*> all() const;

 private:
  std::map<std::string, Action, std::less<>> actions_;
};

}  // namespace holdfast::jobs
