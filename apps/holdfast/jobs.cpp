#include "jobs.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <fmt/format.h>
#include <malloc.h>
#include <string_view>
#include <utility>

#include "gc/work.hpp"
#include "jobs/builtin.hpp"
#include "pruning/pruner.hpp"
#include "scanner/sweep.hpp"
#include "scanning.hpp"

namespace holdfast {

namespace {

// DTR's names for collecting garbage, in whole and by halves.
constexpr std::string_view kOnlineGc = "onlinegc";
constexpr std::string_view kOnlineGcMetadata = "onlinegc_metadata";
constexpr std::string_view kOnlineGcBlobs = "onlinegc_blobs";

struct DefaultCron {
  std::string_view action;
  std::string_view schedule;
};

// Of a new registry, and of an old one that hears of them for the first time.
constexpr std::array kDefaultCrons = {
    DefaultCron{jobs::kOnlineGcJobLogs, "0 40 * * * *"},
    DefaultCron{kOnlineGc, "@hourly"},
    DefaultCron{scanner::kSweepAction, "@daily"},
    DefaultCron{pruning::kAction, "@every 15m"},
    DefaultCron{scanner::kAdapterScanAllAction, "0 0 3 * * *"},
};

// Daily at a time of the registry's own, so that not all ask at once.
std::string daily(Random& random) {
  std::array<std::byte, 4> bytes{};
  random.fill(bytes);
  const auto number = [&](std::size_t at) {
    return std::to_integer<unsigned>(bytes[at]) << 8U | std::to_integer<unsigned>(bytes[at + 1]);
  };
  return fmt::format("0 {} {} * * *", number(0) % 60, number(2) % 24);
}

jobs::RunnerOptions runner_options(const Core& core, std::string id, std::string address) {
  jobs::RunnerOptions options{.worker = std::move(id),
                              .address = std::move(address),
                              .capacity = {{"scan", 1}, {"scanCheck", 1}, {"adapterScan", 2}}};
  // Where no other replica listens, the heart beats for those who look at it: a disk may sleep.
  if (!core.database->is_shared()) {
    options.lease = std::chrono::minutes(5);
    options.beat = std::chrono::minutes(1);
  }
  return options;
}

// After work that goes through everything: what it freed is the system's again. A thousand images
// compared leave 230 MiB of it behind otherwise.
Result<void> with_memory_returned(Result<void> outcome) {
  ::malloc_trim(0);
  return outcome;
}

}  // namespace

void add_actions(Core& core) {
  jobs::add_builtin(core.jobs, core.settings);
  jobs::Actions& actions = core.jobs.actions;
  const auto collect = [&](std::string_view name, std::string description, gc::Scope scope) {
    actions.add({.name = std::string(name),
                 .description = std::move(description),
                 .work = gc::work(core.collector, scope),
                 .alone = true});
  };
  collect(kOnlineGc, "Removes manifests and blobs that nothing needs any more", gc::Scope::all);
  collect(kOnlineGcMetadata, "Removes manifests that nothing needs any more", gc::Scope::metadata);
  collect(kOnlineGcBlobs, "Removes blobs that no manifest needs any more", gc::Scope::blobs);
  actions.add({.name = std::string(pruning::kAction),
               .description = "Removes tags as the pruning policies say",
               .work = [&core](jobs::Run& run) { return core.pruner.run(run); }});
  Scanning& scanning = *core.scanning;
  actions.add({.name = std::string(scanner::kScanAction),
               .description = "Looks for packages in an image, and for what is wrong with them",
               .work = [&scanning](jobs::Run& run) { return scanning.scanner.scan(run); },
               .retries = 3,
               .capacity_key = "scan"});
  actions.add({.name = std::string(scanner::kCheckAllAction),
               .description = "Compares the packages of all images with the advisories in force",
               .work =
                   [&scanning](jobs::Run& run) {
                     return with_memory_returned(scanning.scanner.check_all(run));
                   },
               .capacity_key = "scanCheck",
               .alone = true});
  // Waits for another server: of the threads for jobs it must not take all.
  actions.add({.name = std::string(scanner::kAdapterScanAction),
               .description = "Has another scanner look at an image of a repository that chose it",
               .work = [&scanning](jobs::Run& run) { return scanning.scanner.scan(run); },
               .retries = 3,
               .capacity_key = "adapterScan"});
  actions.add({.name = std::string(scanner::kAdapterScanAllAction),
               .description = "Has other scanners look again at all images that they looked at",
               .work = [&scanning](jobs::Run& run) { return scanning.adapter.scan_all(run); },
               .alone = true});
  actions.add({.name = std::string(scanner::kSweepAction),
               .description = "Forgets what was found in images that no repository has any more",
               .work = [&core](jobs::Run& run) { return scanner::sweep(*core.database, run); },
               .alone = true});
  actions.add(
      {.name = std::string(scanner::kUpdateAction),
       .description = "Imports advisories, of an upload or from the feeds",
       .work =
           [&scanning](jobs::Run& run) { return with_memory_returned(scanning.updates.run(run)); },
       .retries = 3,
       .alone = true});
}

Worker::Worker(Core& core, std::string id, std::string address)
    : core_(core),
      runner_(*core.database, core.jobs.actions, core.jobs.schedules, core.clock, core.random,
              runner_options(core, std::move(id), std::move(address))) {}

Result<void> Worker::start() {
  for (const DefaultCron& cron : kDefaultCrons) {
    HF_CHECK(core_.jobs.schedules.install(
        {.schedule = std::string(cron.schedule), .job = {.action = std::string(cron.action)}}));
  }
  HF_CHECK(core_.jobs.schedules.install(
      {.schedule = daily(core_.random), .job = {.action = std::string(scanner::kUpdateAction)}}));
  HF_CHECK(core_.scanning->updates.fetch_first());
  runner_.start();
  if (!core_.scanning->worker_state.problem.empty()) {
    return core_.scanning->trigger.leave_to_others();
  }
  core_.scanning->trigger.start();
  return {};
}

void Worker::stop() {
  core_.scanning->trigger.stop();
  runner_.stop();
}

}  // namespace holdfast
