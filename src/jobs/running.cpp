#include "jobs/running.hpp"

#include <exception>
#include <fmt/format.h>
#include <utility>

#include "base/log.hpp"
#include "settings/values.hpp"

namespace holdfast::jobs {

namespace {

constexpr std::string_view kWorkThrew = "job_work_threw";  // internal: a bug
constexpr std::chrono::seconds kStopTimeout{60};           // when the job does not say

std::chrono::steady_clock::time_point deadline_of(const Job& job) {
  const auto deadline = settings::duration_of(job.deadline);
  if (!deadline || deadline->count() == 0) return std::chrono::steady_clock::time_point::max();
  return std::chrono::steady_clock::now() + *deadline;
}

}  // namespace

Running::Running(Claim claim, Work work, const std::atomic<Steady::time_point>& held_until,
                 std::function<void()> on_end)
    : claim_(std::move(claim)),
      held_until_(held_until),
      deadline_(deadline_of(claim_.job)),
      on_end_(std::move(on_end)),
      thread_([this, work = std::move(work)] { this->work(work); }) {}

Running::~Running() { thread_.join(); }

void Running::work(const Work& work) {
  try {
    outcome_ = work(*this);
  } catch (const std::exception& problem) {
    outcome_ = fail(ErrorCode::internal, kWorkThrew, problem.what());
  }
  ended_ = true;
  on_end_();
}

Running::Why Running::check() const {
  if (why_ == Why::none) {
    const auto now = Steady::now();
    if (now >= held_until_.load()) {
      tell(Why::lost);
    } else if (now >= deadline_) {
      tell(Why::deadline);
    }
  }
  return why_;
}

bool Running::should_stop() const {
  if (check() == Why::none) return false;
  told_ = true;
  return true;
}

void Running::tell(Why why) const {
  Why none = Why::none;
  why_.compare_exchange_strong(none, why);
}

Ending Running::ending() {
  if (!ending_) ending_ = decide();
  return *ending_;
}

// Work that was not told, as it asked no more, has done all that it had to do.
Ending Running::decide() {
  const Why why = told_ ? why_.load() : Why::none;
  if (!outcome_) {
    const Error& error = outcome_.error();
    buffer_.add(error.code == ErrorCode::internal ? describe(error) : error.message);
  }
  if (why == Why::canceled) {
    buffer_.add("canceled");
    return Ending::canceled;
  }
  if (why == Why::shutdown || why == Why::lost) {
    buffer_.add(why == Why::shutdown ? "the worker stops; another job goes on"
                                     : "the worker lost its hold on the job");
    return Ending::shutdown;
  }
  if (why == Why::deadline) buffer_.add(fmt::format("stopped after {}", claim_.job.deadline));
  if (outcome_) return Ending::done;
  return gives_up_ ? Ending::failed : Ending::error;
}

bool Running::is_overdue() {
  if (overdue_ || ended_ || check() == Why::none) return false;
  const auto now = Steady::now();
  if (told_to_stop_ == Steady::time_point()) told_to_stop_ = now;
  const auto given = settings::duration_of(claim_.job.stop_timeout);
  const auto timeout = given && given->count() > 0 ? *given : kStopTimeout;
  overdue_ = now - told_to_stop_ > timeout;
  return overdue_;
}

}  // namespace holdfast::jobs
