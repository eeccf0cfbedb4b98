#include "jobs/claims.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <utility>
#include <vector>

#include "jobs/action_configs.hpp"
#include "jobs/rows.hpp"

namespace holdfast::jobs {

namespace {

constexpr std::int64_t kDeathsAtMost = 3;

Result<void> set_status(db::Tx& tx, const Job& job, Status status, Timestamp now) {
  HF_CHECK(tx.execute("UPDATE jobs SET status = $2, state = $3, updated_at = $4 WHERE id = $1",
                      {job.id, name(status), state_of(status), to_micros(now)}));
  return {};
}

struct Held {
  Job job;
  std::int64_t deaths = 0;
};

const std::string& held_columns() {
  static const std::string columns = fmt::format("{}, deaths, incarnation", kJobColumns);
  return columns;
}
constexpr int kDeaths = 14;
constexpr int kIncarnation = 15;

}  // namespace

// What runs, for the question whether one more may.
struct Claims::Load {
  std::set<std::string, std::less<>> running;  // actions, on all replicas
  CapacityMap capacity;                        // of this worker
  CapacityMap used;

  [[nodiscard]] bool has_room(const CapacityMap& wanted) const {
    return std::ranges::all_of(wanted, [&](const auto& entry) {
      const auto limit = capacity.find(entry.first);
      if (limit == capacity.end()) return true;
      const auto taken = used.find(entry.first);
      return (taken == used.end() ? 0 : taken->second) + entry.second <= limit->second;
    });
  }
};

Claims::Claims(db::Database& database, const Actions& actions, const Clock& clock, Random& random,
               ClaimOptions options)
    : database_(database),
      actions_(actions),
      clock_(clock),
      random_(random),
      options_(std::move(options)) {}

Result<bool> Claims::beat() {
  bool ours = false;
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    const std::int64_t now = to_micros(clock_.now());
    const std::int64_t ends = to_micros(clock_.now() + options_.lease);
    HF_TRY(const auto other_lives,
           tx.find<bool>("SELECT is_stopped, heartbeat_ends FROM job_workers WHERE id = $1 AND "
                         "incarnation <> $2",
                         {options_.worker, options_.incarnation}, [&](const db::Row& row) {
                           return !row.boolean(0) && row.integer(1) > now;
                         }));
    // A database of one process alone: whoever else wrote there is dead.
    ours = !other_lives.value_or(false) || !database_.is_shared();
    if (!ours) return {};
    HF_CHECK(tx.execute(
        "INSERT INTO job_workers (id, incarnation, address, capacity, is_stopped, heartbeat_ends) "
        "VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (id) DO UPDATE SET "
        "incarnation = excluded.incarnation, address = excluded.address, is_stopped = 0, "
        "heartbeat_ends = excluded.heartbeat_ends",
        {options_.worker, options_.incarnation, options_.address, text_of(options_.capacity),
         ends}));
    return {};
  }));
  return ours;
}

Result<void> Claims::retire() {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("UPDATE job_workers SET is_stopped = 1, heartbeat_ends = $3 WHERE id = $1 AND "
                   "incarnation = $2",
                   {options_.worker, options_.incarnation, to_micros(clock_.now())}));
    return {};
  });
}

Result<std::int64_t> Claims::take_over() {
  static const std::string sql = fmt::format(
      "SELECT {} FROM jobs WHERE state = 1 AND NOT EXISTS (SELECT 1 FROM job_workers WHERE "
      "job_workers.id = jobs.worker AND job_workers.incarnation = jobs.incarnation AND "
      "job_workers.is_stopped = 0 AND job_workers.heartbeat_ends > $1) ORDER BY id",
      held_columns());
  std::vector<Held> lost;
  const auto look = [&](db::Tx& tx) -> Result<void> {
    lost.clear();
    return tx.query(sql, {to_micros(clock_.now())}, [&](const db::Row& row) -> Result<void> {
      lost.push_back({job_of(row), row.integer(kDeaths)});
      return {};
    });
  };
  HF_CHECK(database_.read(look));
  if (lost.empty()) return std::int64_t{0};
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(look(tx));
    for (const Held& held : lost) {
      const bool canceled = held.job.status == Status::cancel_request;
      HF_CHECK(
          set_status(tx, held.job, canceled ? Status::cancel : Status::worker_dead, clock_.now()));
      if (canceled || held.deaths >= kDeathsAtMost) continue;
      Job again = held.job;
      again.scheduled_at = clock_.now();
      HF_CHECK(make_again(tx, again, held.deaths + 1));
    }
    return {};
  }));
  return std::ssize(lost);
}

Result<bool> Claims::anything_due() {
  std::optional<bool> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<bool>("SELECT 1 FROM jobs WHERE state = 0 AND scheduled_at <= $1 LIMIT 1",
                                {to_micros(clock_.now())}, [](const db::Row&) { return true; }));
    return {};
  }));
  return found.has_value();
}

// Nothing when this worker is not known as alive.
Result<std::optional<Claims::Load>> Claims::load(db::Tx& tx) {
  HF_TRY(const auto capacity,
         tx.find<CapacityMap>("SELECT capacity FROM job_workers WHERE id = $1 AND "
                              "incarnation = $2 AND is_stopped = 0 AND heartbeat_ends > $3",
                              {options_.worker, options_.incarnation, to_micros(clock_.now())},
                              [](const db::Row& row) { return capacity_in(row.text(0)); }));
  if (!capacity) return std::optional<Load>();
  Load load;
  load.capacity = *capacity;
  HF_CHECK(tx.query("SELECT action, worker, capacity FROM jobs WHERE state = 1", {},
                    [&](const db::Row& row) -> Result<void> {
                      load.running.emplace(row.text(0));
                      if (row.text(1) != options_.worker) return {};
                      for (const auto& [key, value] : capacity_in(row.text(2))) {
                        load.used[key] += value;
                      }
                      return {};
                    }));
  return std::optional(std::move(load));
}

// By the actions: a thousand jobs of one that must wait cost nothing.
Result<std::optional<Job>> Claims::pick(db::Tx& tx, const Load& load) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM jobs WHERE state = 0 AND action = $1 AND scheduled_at <= $2 "
      "ORDER BY scheduled_at, id LIMIT 1",
      kJobColumns);
  std::optional<Job> first;
  for (const Action* const action : actions_.all()) {
    if (action->alone && load.running.contains(action->name)) continue;
    HF_TRY(auto job, tx.find<Job>(sql, {action->name, to_micros(clock_.now())}, job_of));
    if (!job || !load.has_room(job->capacity)) continue;
    const bool earlier =
        !first || std::pair(job->scheduled_at, job->id) < std::pair(first->scheduled_at, first->id);
    if (earlier) first = std::move(job);
  }
  return first;
}

Result<std::optional<Claim>> Claims::claim() {
  HF_TRY(const bool due, anything_due());
  std::optional<Claim> claim;
  if (!due) return claim;
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    claim.reset();
    HF_TRY(const auto now, load(tx));
    if (!now) return {};
    HF_TRY(auto job, pick(tx, *now));
    if (!job) return {};
    job->status = Status::running;
    job->worker = options_.worker;
    job->updated_at = clock_.now();
    HF_CHECK(
        tx.execute("UPDATE jobs SET state = 1, status = $2, worker = $3, incarnation = $4, "
                   "updated_at = $5 WHERE id = $1",
                   {job->id, name(job->status), job->worker, options_.incarnation,
                    to_micros(job->updated_at)}));
    HF_TRY(auto parameters, with_config(tx, job->action, job->parameters));
    claim = Claim{*std::move(job), std::move(parameters)};
    return {};
  }));
  return claim;
}

Result<std::map<std::string, Status>> Claims::held() {
  static const std::string sql = fmt::format(
      "SELECT {} FROM jobs WHERE state = 1 AND worker = $1 AND incarnation = $2", kJobColumns);
  std::map<std::string, Status> held;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    held.clear();
    return tx.query(sql, {options_.worker, options_.incarnation},
                    [&](const db::Row& row) -> Result<void> {
                      const Job job = job_of(row);
                      held.emplace(job.uuid, job.status);
                      return {};
                    });
  }));
  return held;
}

Result<void> Claims::write_log(const Job& job, const LogBuffer::Batch& batch) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    // Somebody may have forgotten the job meanwhile: no lines without one.
    HF_TRY(const auto there, tx.find<bool>("SELECT 1 FROM jobs WHERE id = $1", {job.id},
                                           [](const db::Row&) { return true; }));
    if (!there) return {};
    if (batch.cut_from < batch.cut_to) {
      HF_CHECK(tx.execute("DELETE FROM job_logs WHERE job_id = $1 AND number >= $2 AND number < $3",
                          {job.id, batch.cut_from, batch.cut_to}));
    }
    for (const LogLine& line : batch.lines) {
      HF_CHECK(
          tx.execute("INSERT INTO job_logs (job_id, number, data) VALUES ($1, $2, $3) "
                     "ON CONFLICT (job_id, number) DO UPDATE SET data = excluded.data",
                     {job.id, line.number, line.data}));
    }
    return {};
  });
}

Timestamp Claims::retry_at(const Job& job) const {
  constexpr std::chrono::seconds kLongest{3600};
  constexpr std::int64_t kDoublings = 10;
  const std::int64_t tried =
      std::clamp<std::int64_t>(job.retries_total - job.retries_left, 0, kDoublings);
  return clock_.now() + std::min(options_.retry_after * (std::int64_t{1} << tried), kLongest);
}

// `job` says when and with how many retries.
Result<void> Claims::make_again(db::Tx& tx, const Job& job, std::int64_t deaths) {
  Job again = job;
  again.uuid = uuid(random_);
  again.retry_from = job.uuid;
  again.worker.clear();
  again.status = Status::waiting;
  again.updated_at = clock_.now();
  return insert(tx, again, deaths);
}

Result<void> Claims::finish(const Job& job, Ending ending) {
  static const std::string sql = fmt::format("SELECT {} FROM jobs WHERE id = $1", held_columns());
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    std::string incarnation;
    HF_TRY(const auto now, tx.find<Job>(sql, {job.id}, [&](const db::Row& row) {
      incarnation = row.string(kIncarnation);
      return job_of(row);
    }));
    if (!now || incarnation != options_.incarnation) return {};
    if (is_over(now->status)) {
      // Others took it for lost and went on with it.
      if (now->status != Status::worker_dead) return {};
      return set_status(tx, job, Status::worker_resurrection, clock_.now());
    }
    Job again = *now;
    switch (ending) {
      case Ending::done:
        return set_status(tx, job, Status::done, clock_.now());
      case Ending::canceled:
        return set_status(tx, job, Status::cancel, clock_.now());
      case Ending::failed:
        return set_status(tx, job, Status::error, clock_.now());
      case Ending::error:
        HF_CHECK(set_status(tx, job, Status::error, clock_.now()));
        if (now->retries_left == 0 || now->status == Status::cancel_request) return {};
        again.scheduled_at = retry_at(*now);
        --again.retries_left;
        return make_again(tx, again, 0);
      case Ending::shutdown:
        // A wish to cancel it that came while the server stopped is kept.
        if (now->status == Status::cancel_request) {
          return set_status(tx, job, Status::cancel, clock_.now());
        }
        HF_CHECK(set_status(tx, job, Status::worker_shutdown, clock_.now()));
        again.scheduled_at = clock_.now();
        return make_again(tx, again, 0);
    }
    return {};
  });
}

}  // namespace holdfast::jobs
