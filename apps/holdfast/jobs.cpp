#include "jobs.hpp"

#include <array>
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

}  // namespace

void add_actions(Core& core) {
  jobs::add_builtin(core.jobs.actions, core.jobs.queue, core.settings);
}

Worker::Worker(Core& core, std::string id, std::string address)
    : core_(core),
      runner_(*core.database, core.jobs.actions, core.jobs.schedules, core.clock, core.random,
              {.worker = std::move(id),
               .address = std::move(address),
               .capacity = {{"scan", 1}, {"scanCheck", 1}}}) {}

Result<void> Worker::start() {
  for (const DefaultCron& cron : kDefaultCrons) {
    HF_CHECK(core_.jobs.schedules.install(
        {.schedule = std::string(cron.schedule), .job = {.action = std::string(cron.action)}}));
  }
  runner_.start();
  return {};
}

}  // namespace holdfast
