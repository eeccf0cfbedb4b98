#include "jobs/queue.hpp"

#include <fmt/format.h>
#include <utility>

#include "jobs/rows.hpp"

namespace holdfast::jobs {

namespace {

constexpr std::chrono::hours kRecent{24};

Error unknown(std::string_view uuid) {
  return fail(ErrorCode::not_found, kJobUnknown, fmt::format("there is no job {}", uuid));
}

Result<Job> job_in(db::Tx& tx, std::string_view uuid) {
  static const std::string sql = fmt::format("SELECT {} FROM jobs WHERE uuid = $1", kJobColumns);
  HF_TRY(auto found, tx.find<Job>(sql, {uuid}, job_of));
  if (!found) return unknown(uuid);
  return *std::move(found);
}

Result<void> tell(db::Tx& tx, events::Type type, const Job& job, const events::Actor& actor,
                  Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = job.action;
  event.detail = job.uuid;
  return events::append(tx, event);
}

// The conditions of a list; each has an index that ends with the id.
std::string list_sql(const JobQuery& query) {
  std::string where = "$1 = $1 AND $2 = $2";
  if (!query.action.empty()) where += " AND action = $1";
  if (!query.worker.empty()) where += " AND worker = $2";
  // As the partial index says it; those that run are few, so to pass over them is nothing.
  if (query.running) where += *query.running ? " AND state = 1" : " AND state <> 1";
  return fmt::format("SELECT {} FROM jobs WHERE {} ORDER BY id DESC LIMIT $3 OFFSET $4",
                     kJobColumns, where);
}

}  // namespace

Queue::Queue(db::Database& database, const Actions& actions, const Clock& clock, Random& random)
    : database_(database), actions_(actions), clock_(clock), random_(random) {}

Result<Job> Queue::enqueue(const NewJob& wanted, const events::Actor& actor) {
  Job job;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(job, enqueue(tx, wanted));
    return tell(tx, events::Type::job_created, job, actor, clock_.now());
  }));
  return job;
}

Result<Job> Queue::enqueue(db::Tx& tx, const NewJob& wanted) {
  HF_TRY(Job job, job_from(wanted, actions_, clock_.now(), random_));
  HF_CHECK(insert(tx, job, 0));
  return job;
}

Result<bool> Queue::waits_already(db::Tx& tx, const NewJob& wanted) {
  const std::string parameters = text_of(wanted.parameters);
  HF_TRY(const auto found,
         tx.find<bool>("SELECT 1 FROM jobs WHERE state = 0 AND fingerprint = $1 AND action = $2 "
                       "AND parameters = $3 LIMIT 1",
                       {fingerprint(wanted.action, parameters), wanted.action, parameters},
                       [](const db::Row&) { return true; }));
  return found.has_value();
}

Result<bool> Queue::enqueue_once(db::Tx& tx, const NewJob& wanted) {
  HF_TRY(const bool waits, waits_already(tx, wanted));
  if (!waits) HF_CHECK(enqueue(tx, wanted));
  return !waits;
}

Result<Job> Queue::find(std::string_view uuid) {
  Job job;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(job, job_in(tx, uuid));
    return {};
  }));
  return job;
}

Result<std::vector<Job>> Queue::list(const JobQuery& query) {
  const std::string sql = list_sql(query);
  std::vector<Job> jobs;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    jobs.clear();
    return tx.query(sql, {query.action, query.worker, query.limit, query.start},
                    [&](const db::Row& row) -> Result<void> {
                      jobs.push_back(job_of(row));
                      return {};
                    });
  }));
  return jobs;
}

Result<std::vector<LogLine>> Queue::logs(std::string_view uuid, std::int64_t offset,
                                         std::int64_t limit) {
  constexpr std::size_t kBytesAtMost = 16UZ << 20U;  // the page is made in memory
  std::vector<LogLine> lines;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    lines.clear();
    std::size_t bytes = 0;
    HF_TRY(const Job job, job_in(tx, uuid));
    return tx.query(
        "SELECT number, data FROM job_logs WHERE job_id = $1 AND number >= $2 ORDER BY number "
        "LIMIT $3",
        {job.id, offset, limit}, [&](const db::Row& row) -> Result<void> {
          bytes += row.text(1).size();
          if (bytes <= kBytesAtMost) lines.push_back({row.integer(0), row.string(1)});
          return {};
        });
  }));
  return lines;
}

Result<void> Queue::cancel(std::string_view uuid, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Job job, job_in(tx, uuid));
    if (is_over(job.status) || job.status == Status::cancel_request) return {};
    const Status becomes = job.status == Status::waiting ? Status::cancel : Status::cancel_request;
    HF_CHECK(tx.execute("UPDATE jobs SET status = $2, state = $3, updated_at = $4 WHERE id = $1",
                        {job.id, name(becomes), state_of(becomes), to_micros(clock_.now())}));
    tx.changed(kChangedJob, job.uuid);
    return tell(tx, events::Type::job_canceled, job, actor, clock_.now());
  });
}

Result<void> Queue::remove(std::string_view uuid, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Job job, job_in(tx, uuid));
    if (state_of(job.status) == kStateRunning) {
      return fail(ErrorCode::conflict, kJobRunning,
                  fmt::format("the job {} runs: cancel it first", uuid));
    }
    HF_CHECK(tx.execute("DELETE FROM job_logs WHERE job_id = $1", {job.id}));
    HF_CHECK(tx.execute("DELETE FROM jobs WHERE id = $1", {job.id}));
    return tell(tx, events::Type::job_deleted, job, actor, clock_.now());
  });
}

Result<Counts> Queue::counts() {
  constexpr std::int64_t kCountedAtMost = 10'000;
  const std::int64_t since = to_micros(clock_.now() - kRecent);
  Counts counts;
  const auto number = [](const db::Row& row) { return row.integer(0); };
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto waiting,
           tx.find<std::int64_t>("SELECT count(*) FROM jobs WHERE state = 0", {}, number));
    HF_TRY(const auto running,
           tx.find<std::int64_t>("SELECT count(*) FROM jobs WHERE state = 1", {}, number));
    HF_TRY(const auto failed,
           tx.find<std::int64_t>("SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 2 AND "
                                 "updated_at >= $1 AND status = 'error' LIMIT $2) AS failed",
                                 {since, kCountedAtMost}, number));
    counts = {waiting.value_or(0), running.value_or(0), failed.value_or(0)};
    return {};
  }));
  return counts;
}

Result<std::vector<Failing>> Queue::failing() {
  constexpr std::int64_t kCountedAtMost = 1'000;
  const std::int64_t recent = to_micros(clock_.now() - kRecent);
  std::vector<Failing> failing;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    failing.clear();
    for (const Action* const action : actions_.all()) {
      HF_TRY(
          const auto went_well,
          tx.find<std::int64_t>("SELECT updated_at FROM jobs WHERE state = 2 AND action = $1 "
                                "AND status = 'done' ORDER BY updated_at DESC LIMIT 1",
                                {action->name}, [](const db::Row& row) { return row.integer(0); }));
      const std::int64_t since = std::max(recent, went_well.value_or(0));
      Failing found{action->name, 0, ""};
      // What is tried again has not failed yet.
      HF_CHECK(
          tx.query("SELECT uuid FROM jobs WHERE state = 2 AND action = $1 AND "
                   "status = 'error' AND updated_at > $2 AND retries_left = 0 "
                   "ORDER BY updated_at DESC LIMIT $3",
                   {action->name, since, kCountedAtMost}, [&](const db::Row& row) -> Result<void> {
                     if (found.count++ == 0) found.last_job = row.string(0);
                     return {};
                   }));
      if (found.count > 0) failing.push_back(std::move(found));
    }
    return {};
  }));
  return failing;
}

}  // namespace holdfast::jobs
