#include "jobs/builtin.hpp"

#include <boost/json/value.hpp>
#include <charconv>
#include <fmt/format.h>
#include <thread>

namespace holdfast::jobs {

namespace {

// Of a request they are texts, of our own numbers.
std::optional<std::int64_t> number_in(const boost::json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_string();
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<void> sleep(Run& run) {
  constexpr std::int64_t kSeconds = 10;
  constexpr std::int64_t kMost = 86'400;
  constexpr std::chrono::milliseconds kMoment{20};
  const boost::json::value* given = run.parameters().if_contains("seconds");
  const auto seconds = given == nullptr ? kSeconds : number_in(*given);
  if (!seconds || *seconds < 0 || *seconds > kMost) {
    return fail(ErrorCode::invalid, kJobInvalid,
                fmt::format("\"seconds\" must be a number from 0 to {}", kMost));
  }
  run.log(fmt::format("sleeping for {} seconds", *seconds));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(*seconds);
  while (std::chrono::steady_clock::now() < end) {
    if (run.should_stop()) return {};
    std::this_thread::sleep_for(kMoment);
  }
  run.log("awake");
  return {};
}

Result<void> forget_old(Run& run, Jobs& jobs, settings::Store& settings) {
  constexpr std::int64_t kAtOnce = 200;
  constexpr std::chrono::days kWorkersGoAfter{30};
  HF_CHECK(jobs.workers.forget(kWorkersGoAfter));
  HF_TRY(const auto values, settings.load());
  if (!values->job_history_compaction) {
    run.log("jobHistoryCompactionEnabled is off: nothing is forgotten");
    return {};
  }
  const auto age = settings::duration_of(values->job_history_max_age);
  const Retention retention{age.value_or(std::chrono::seconds(0)), values->job_history_to_keep};
  std::int64_t total = 0;
  std::int64_t removed = kAtOnce;
  while (removed == kAtOnce && !run.should_stop()) {
    HF_TRY(removed, jobs.queue.forget(retention, kAtOnce));
    total += removed;
  }
  run.log(fmt::format("{} jobs forgotten", total));
  return {};
}

}  // namespace

void add_builtin(Jobs& jobs, settings::Store& settings) {
  Actions& actions = jobs.actions;
  actions.add({.name = "sleep",
               .description = "Does nothing for a while, to try the job queue.",
               .work = sleep});
  actions.add({.name = "false",
               .description = "Fails, to try what a failed job looks like.",
               .work = [](Run&) -> Result<void> {
                 return fail(ErrorCode::unsupported, kJobFailed, "this action always fails");
               }});
  actions.add({.name = std::string(kOnlineGcJobLogs),
               .description = "Forgets old jobs and their logs.",
               .work = [&jobs, &settings](Run& run) { return forget_old(run, jobs, settings); },
               .alone = true});
}

}  // namespace holdfast::jobs
