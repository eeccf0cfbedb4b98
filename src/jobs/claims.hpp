// A worker's hold on jobs, as the database knows it: its heartbeat, which jobs it has taken, how
// they ended. What makes sure that no job runs twice at once.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "jobs/actions.hpp"
#include "jobs/job.hpp"
#include "jobs/log_buffer.hpp"

namespace holdfast::jobs {

// A job that was taken to be run.
struct Claim {
  Job job;
  boost::json::object parameters;  // with those of the action's config
};

// How a run ended.
enum class Ending : std::uint8_t {
  done,
  error,   // tried again while retries are left
  failed,  // an error that would come again
  canceled,
  shutdown
};

struct ClaimOptions {
  std::string worker;       // the same after a restart
  std::string incarnation;  // another one with every start
  std::string address;      // for people
  CapacityMap capacity{};   // of a worker that is not known yet
  std::chrono::seconds lease{20};
  std::chrono::seconds retry_after{10};  // doubled with each retry, up to an hour
};

// For one thread at a time. Blocks on the database. Everything it is given outlives it.
class Claims {
 public:
  Claims(db::Database& database, const Actions& actions, const Clock& clock, Random& random,
         ClaimOptions options);

  // Says that this worker lives, for one lease from now. False: another process does under the same
  // id, and this one must take nothing.
  Result<bool> beat();
  // The worker is stopped and runs nothing.
  Result<void> retire();

  // Jobs of workers that are not heard of any more end as worker_dead, and other jobs go on with
  // them: at most three times in a row, as a job may be what kills its worker. How many.
  Result<std::int64_t> take_over();

  // The job that is due for longest of those that may run here and now, or nothing: another replica
  // has none of its action when it must be alone, and this worker has the capacity for it.
  Result<std::optional<Claim>> claim();
  // The jobs that are this worker's, by uuid. What it runs and is not there was taken from it.
  Result<std::map<std::string, Status>> held();

  Result<void> write_log(const Job& job, const LogBuffer::Batch& batch);
  // An error is tried again, and what a shutdown broke off goes on, as another job.
  Result<void> finish(const Job& job, Ending ending);

 private:
  struct Load;
  Result<bool> anything_due();
  Result<std::optional<Load>> load(db::Tx& tx);
  Result<std::optional<Job>> pick(db::Tx& tx, const Load& load);
  Result<void> make_again(db::Tx& tx, const Job& job, std::int64_t deaths);
  [[nodiscard]] Timestamp retry_at(const Job& job) const;

  db::Database& database_;
  const Actions& actions_;
  const Clock& clock_;
  Random& random_;
  const ClaimOptions options_;
};

}  // namespace holdfast::jobs
