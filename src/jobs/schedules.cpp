#include "jobs/schedules.hpp"

#include <fmt/format.h>
#include <utility>

#include "jobs/rows.hpp"

namespace holdfast::jobs {

namespace {

constexpr std::string_view kCronColumns =
    "uuid, action, schedule, parameters, capacity, deadline, stop_timeout, retries, next_run";

Cron cron_of(const db::Row& row) {
  return {row.string(0),
          row.string(1),
          row.string(2),
          object_in(row.text(3)),
          capacity_in(row.text(4)),
          row.string(5),
          row.string(6),
          row.integer(7),
          from_micros(row.integer(8))};
}

Result<void> store(db::Tx& tx, const Cron& cron) {
  HF_CHECK(tx.execute(
      "INSERT INTO crons (uuid, action, schedule, parameters, capacity, deadline, stop_timeout, "
      "retries, next_run) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
      "ON CONFLICT (action) DO UPDATE SET schedule = excluded.schedule, "
      "parameters = excluded.parameters, capacity = excluded.capacity, "
      "deadline = excluded.deadline, stop_timeout = excluded.stop_timeout, "
      "retries = excluded.retries, next_run = excluded.next_run",
      {cron.uuid, cron.action, cron.schedule, text_of(cron.parameters), text_of(cron.capacity),
       cron.deadline, cron.stop_timeout, cron.retries, to_micros(cron.next_run)}));
  return {};
}

Result<Cron> cron_in(db::Tx& tx, std::string_view action) {
  static const std::string sql =
      fmt::format("SELECT {} FROM crons WHERE action = $1", kCronColumns);
  HF_TRY(auto found, tx.find<Cron>(sql, {action}, cron_of));
  if (found) return *std::move(found);
  return fail(ErrorCode::not_found, kCronUnknown,
              fmt::format("there is no cron of the action {}", action));
}

Result<void> tell(db::Tx& tx, events::Type type, const Cron& cron, const events::Actor& actor,
                  Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = cron.action;
  event.detail = cron.schedule;
  return events::append(tx, event);
}

NewJob job_of(const Cron& cron) {
  return {.action = cron.action,
          .parameters = cron.parameters,
          .retries = cron.retries,
          .capacity = cron.capacity,
          .deadline = cron.deadline,
          .stop_timeout = cron.stop_timeout};
}

}  // namespace

Schedules::Schedules(db::Database& database, const Actions& actions, Queue& queue,
                     const Clock& clock, Random& random)
    : database_(database), actions_(actions), queue_(queue), clock_(clock), random_(random) {}

Result<Cron> Schedules::cron_from(const NewCron& wanted) {
  HF_TRY(const Job job, job_from(wanted.job, actions_, clock_.now(), random_));
  HF_TRY(const Schedule schedule, Schedule::parse(wanted.schedule));
  return Cron{.uuid = job.uuid,
              .action = job.action,
              .schedule = wanted.schedule,
              .parameters = job.parameters,
              .capacity = job.capacity,
              .deadline = job.deadline,
              .stop_timeout = job.stop_timeout,
              .retries = job.retries_total,
              .next_run = schedule.next(clock_.now())};
}

Result<Cron> Schedules::set(const NewCron& wanted, const events::Actor& actor) {
  HF_TRY(const Cron cron, cron_from(wanted));
  Cron stored;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(store(tx, cron));
    HF_TRY(stored, cron_in(tx, cron.action));
    return tell(tx, events::Type::cron_set, stored, actor, clock_.now());
  }));
  return stored;
}

Result<void> Schedules::install(const NewCron& wanted) {
  HF_TRY(const Cron cron, cron_from(wanted));
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t is_new, tx.execute("INSERT INTO crons_installed (action) VALUES ($1) "
                                                 "ON CONFLICT (action) DO NOTHING",
                                                 {cron.action}));
    if (is_new == 0) return {};
    const auto own = cron_in(tx, cron.action);
    if (own) return {};
    if (own.error().reason != kCronUnknown) return own.error();
    return store(tx, cron);
  });
}

Result<std::vector<Cron>> Schedules::list() {
  static const std::string sql = fmt::format("SELECT {} FROM crons ORDER BY action", kCronColumns);
  std::vector<Cron> crons;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    crons.clear();
    return tx.query(sql, {}, [&](const db::Row& row) -> Result<void> {
      crons.push_back(cron_of(row));
      return {};
    });
  }));
  return crons;
}

Result<Cron> Schedules::find(std::string_view action) {
  Cron found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, cron_in(tx, action));
    return {};
  }));
  return found;
}

Result<void> Schedules::remove(std::string_view action, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Cron gone, cron_in(tx, action));
    HF_CHECK(tx.execute("DELETE FROM crons WHERE action = $1", {action}));
    return tell(tx, events::Type::cron_removed, gone, actor, clock_.now());
  });
}

// Those of actions that another version knows wait for a replica that does.
Result<std::vector<Cron>> Schedules::due(db::Tx& tx) {
  static const std::string sql =
      fmt::format("SELECT {} FROM crons WHERE next_run <= $1 ORDER BY next_run", kCronColumns);
  std::vector<Cron> crons;
  HF_CHECK(tx.query(sql, {to_micros(clock_.now())}, [&](const db::Row& row) -> Result<void> {
    Cron cron = cron_of(row);
    if (actions_.find(cron.action)) crons.push_back(std::move(cron));
    return {};
  }));
  return crons;
}

Result<std::int64_t> Schedules::tick() {
  std::vector<Cron> crons;
  const auto look = [&](db::Tx& tx) -> Result<void> {
    HF_TRY(crons, due(tx));
    return {};
  };
  HF_CHECK(database_.read(look));
  if (crons.empty()) return std::int64_t{0};
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(look(tx));
    for (const Cron& cron : crons) {
      HF_TRY(const Schedule schedule, Schedule::parse(cron.schedule));
      HF_CHECK(queue_.enqueue_once(tx, job_of(cron)));
      HF_CHECK(tx.execute("UPDATE crons SET next_run = $2 WHERE action = $1",
                          {cron.action, to_micros(schedule.next(clock_.now()))}));
    }
    return {};
  }));
  return std::ssize(crons);
}

}  // namespace holdfast::jobs
