#include "jobs.hpp"

#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "jobs/builtin.hpp"

namespace holdfast {

namespace {

struct DefaultCron {
  std::string_view action;
  std::string_view schedule;
};

// Of a new registry, and of an old one that hears of them for the first time.
constexpr std::array kDefaultCrons = {
    DefaultCron{jobs::kOnlineGcJobLogs, "0 40 * * * *"},
};

jobs::RunnerOptions runner_options(const Core& core, std::string id, std::string address) {
  jobs::RunnerOptions options{.worker = std::move(id),
                              .address = std::move(address),
                              .capacity = {{"scan", 1}, {"scanCheck", 1}}};
  // Where no other replica listens, the heart beats for those who look at it: a disk may sleep.
  if (!core.database->is_shared()) {
    options.lease = std::chrono::minutes(5);
    options.beat = std::chrono::minutes(1);
  }
  return options;
}

}  // namespace

void add_actions(Core& core) { jobs::add_builtin(core.jobs, core.settings); }

Worker::Worker(Core& core, std::string id, std::string address)
    : core_(core),
      runner_(*core.database, core.jobs.actions, core.jobs.schedules, core.clock, core.random,
              runner_options(core, std::move(id), std::move(address))) {}

Result<void> Worker::start() {
  for (const DefaultCron& cron : kDefaultCrons) {
    HF_CHECK(core_.jobs.schedules.install(
        {.schedule = std::string(cron.schedule), .job = {.action = std::string(cron.action)}}));
  }
  runner_.start();
  return {};
}

}  // namespace holdfast
