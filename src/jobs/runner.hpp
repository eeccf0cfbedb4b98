// The worker of this replica: takes jobs from the database and runs them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "db/database.hpp"
#include "jobs/actions.hpp"
#include "jobs/claims.hpp"
#include "jobs/schedules.hpp"

namespace holdfast::jobs {

class Running;

struct RunnerOptions {
  std::string worker;       // the same after a restart: 12 hex digits
  std::string address{};    // for people
  CapacityMap capacity{};   // of a worker that is not known yet
  std::size_t threads = 4;  // jobs at once
  // The clocks of replicas must agree to within a quarter of this.
  std::chrono::seconds lease{20};
  std::chrono::milliseconds beat{4'000};
  std::chrono::milliseconds poll{1'000};  // for what no notice tells: times that come
  std::chrono::seconds retry_after{10};
};

// One thread that looks after everything, and one for each job that runs. It beats while it lives;
// is its heartbeat late, as the database is away or the machine slept, its jobs are told to stop
// before others take them. Everything it is given outlives it.
class Runner {
 public:
  Runner(db::Database& database, const Actions& actions, Schedules& schedules, const Clock& clock,
         Random& random, RunnerOptions options);
  ~Runner();  // as stop()
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void start();
  // Tells the jobs to stop and waits until they have; they are made again for whoever runs next.
  void stop();

 private:
  using Steady = std::chrono::steady_clock;
  void loop();
  void step();
  void beat();
  void tell_what_changed();
  void reap();
  void start_due();
  void write_log(Running& running);
  void wind_down();
  void wake();
  void wait();

  const Actions& actions_;
  Schedules& schedules_;
  const RunnerOptions options_;
  Claims claims_;
  // For the thread that looks after everything.
  bool registered_ = false;
  bool has_twin_ = false;  // somebody else beats under this worker's id
  Steady::time_point next_beat_{};
  Steady::time_point next_write_{};  // of the logs of what runs
  std::atomic<Steady::time_point> held_until_{Steady::time_point::min()};
  std::vector<std::unique_ptr<Running>> running_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
  db::Database& database_;
  std::shared_ptr<void> subscription_;  // last: it calls wake()
};

}  // namespace holdfast::jobs
