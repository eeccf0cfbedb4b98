#include "jobs/runner.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "jobs/running.hpp"

namespace holdfast::jobs {

namespace {

// Notices come in crowds: this long they are gathered.
constexpr std::chrono::milliseconds kGather{20};

ClaimOptions claim_options(const RunnerOptions& options, Random& random) {
  return {.worker = options.worker,
          .incarnation = uuid(random),
          .address = options.address,
          .capacity = options.capacity,
          .lease = options.lease,
          .retry_after = options.retry_after};
}

void complain(std::string_view what, const Error& error) {
  log::error(what, {{"error", describe(error)}});
}

}  // namespace

Runner::Runner(db::Database& database, const Actions& actions, Schedules& schedules,
               const Clock& clock, Random& random, RunnerOptions options)
    : actions_(actions),
      schedules_(schedules),
      options_(std::move(options)),
      claims_(database, actions, clock, random, claim_options(options_, random)),
      database_(database) {}

Runner::~Runner() { stop(); }

void Runner::start() {
  subscription_ = database_.subscribe(kChangedJob, [this](std::string_view) { wake(); });
  thread_ = std::thread([this] { loop(); });
}

void Runner::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  subscription_.reset();
}

void Runner::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Runner::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, options_.poll, [this] { return woken_ || stopping_; });
  changed_.wait_for(lock, kGather, [this] { return stopping_; });
  woken_ = false;
}

void Runner::loop() {
  const auto going_on = [this] {
    const std::lock_guard lock(mutex_);
    return !stopping_;
  };
  while (going_on()) {
    step();
    wait();
  }
  wind_down();
}

void Runner::step() {
  beat();
  if (!running_.empty()) tell_what_changed();
  reap();
  // Without a heartbeat nothing may begin; to ask the database each second would fill the log.
  if (!registered_ || Steady::now() >= held_until_.load()) return;
  if (const auto made = schedules_.tick(); !made) complain("crons wait", made.error());
  start_due();
}

void Runner::beat() {
  const auto now = Steady::now();
  if (now < next_beat_) return;
  next_beat_ = now + options_.beat;
  const auto ours = claims_.beat();
  if (!ours) {
    complain("the heartbeat of this worker is late", ours.error());
    return;
  }
  if (!*ours && !has_twin_) {
    log::warn("another process runs jobs under this worker's id: waiting until it is gone",
              {{"worker", options_.worker}});
  }
  has_twin_ = !*ours;
  registered_ = *ours;
  if (!registered_) return;
  // Of the lease a quarter is for clocks that differ; counted from before the heart beat.
  held_until_ = now + options_.lease - options_.lease / 4;
  if (const auto taken = claims_.take_over(); !taken) {
    complain("jobs of dead workers wait", taken.error());
  } else if (*taken > 0) {
    log::warn("jobs of dead workers are taken over", {{"count", *taken}});
  }
}

void Runner::tell_what_changed() {
  const bool is_time_to_write = Steady::now() >= next_write_;
  if (is_time_to_write) next_write_ = Steady::now() + options_.poll;
  const auto held = claims_.held();
  for (const auto& running : running_) {
    if (held) {
      const auto found = held->find(running->job().uuid);
      if (found == held->end()) {
        running->tell(Running::Why::lost);
      } else if (found->second == Status::cancel_request) {
        running->tell(Running::Why::canceled);
      }
    }
    if (running->is_overdue()) {
      running->buffer().add("told to stop, and still at work after " + running->job().stop_timeout);
      log::warn("a job does not stop",
                {{"action", running->job().action}, {"job", running->job().uuid}});
    }
    if (is_time_to_write) write_log(*running);
  }
}

void Runner::write_log(Running& running) {
  auto batch = running.buffer().take();
  if (batch.lines.empty()) return;
  if (const auto written = claims_.write_log(running.job(), batch); !written) {
    complain("a job's log waits for the database", written.error());
    running.buffer().give_back(std::move(batch));
  }
}

// What the database does not take now is tried again at the next step.
void Runner::reap() {
  std::erase_if(running_, [this](const std::unique_ptr<Running>& running) {
    if (!running->ended()) return false;
    const Ending ending = running->ending();
    write_log(*running);
    const Job& job = running->job();
    if (const auto finished = claims_.finish(job, ending); !finished) {
      complain("the end of a job waits for the database", finished.error());
      return false;
    }
    if (ending == Ending::error || ending == Ending::failed) {
      log::warn("a job failed", {{"action", job.action}, {"job", job.uuid}});
    }
    return true;
  });
}

void Runner::start_due() {
  while (running_.size() < options_.threads) {
    auto claim = claims_.claim();
    if (!claim) {
      complain("jobs wait for the database", claim.error());
      return;
    }
    auto& taken = *claim;
    if (!taken.has_value()) return;
    const auto action = actions_.find(taken->job.action);
    if (!action) return;  // cannot be: it was picked by the table of actions
    running_.push_back(std::make_unique<Running>(*std::move(taken), (*action)->work, held_until_,
                                                 [this] { wake(); }));
  }
}

void Runner::wind_down() {
  constexpr std::chrono::milliseconds kMoment{20};
  constexpr std::chrono::seconds kPatience{5};
  const auto started = Steady::now();
  bool complained = false;
  for (const auto& running : running_) running->tell(Running::Why::shutdown);
  const auto at_work = [](const auto& running) { return !running->ended(); };
  while (std::ranges::any_of(running_, at_work)) {
    reap();
    beat();
    std::this_thread::sleep_for(kMoment);
    if (complained || Steady::now() - started < kPatience) continue;
    complained = true;
    for (const auto& running : running_) {
      log::warn("the server waits for a job that does not stop",
                {{"action", running->job().action}, {"job", running->job().uuid}});
    }
  }
  reap();
  // What could not be written is found by whoever runs next.
  running_.clear();
  if (!registered_) return;
  if (const auto retired = claims_.retire(); !retired) {
    complain("this worker stays listed until its heartbeat ends", retired.error());
  }
}

}  // namespace holdfast::jobs
