#include "jobs/workers.hpp"

#include <fmt/format.h>
#include <optional>
#include <utility>

#include "jobs/rows.hpp"

namespace holdfast::jobs {

namespace {

constexpr std::string_view kWorkerColumns = "id, address, capacity, is_stopped, heartbeat_ends";

Worker worker_of(const db::Row& row, Timestamp now) {
  const Timestamp ends = from_micros(row.integer(4));
  return {row.string(0), row.string(1), capacity_in(row.text(2)), !row.boolean(3) && ends > now,
          ends};
}

Result<Worker> worker_in(db::Tx& tx, std::string_view id, Timestamp now) {
  static const std::string sql =
      fmt::format("SELECT {} FROM job_workers WHERE id = $1", kWorkerColumns);
  HF_TRY(auto found,
         tx.find<Worker>(sql, {id}, [&](const db::Row& row) { return worker_of(row, now); }));
  if (found) return *std::move(found);
  return fail(ErrorCode::not_found, kWorkerUnknown, fmt::format("there is no worker {}", id));
}

Result<void> tell(db::Tx& tx, events::Type type, std::string_view id, std::string detail,
                  const events::Actor& actor, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = id;
  event.detail = std::move(detail);
  return events::append(tx, event);
}

}  // namespace

Result<std::vector<Worker>> Workers::list() {
  static const std::string sql =
      fmt::format("SELECT {} FROM job_workers ORDER BY id", kWorkerColumns);
  std::vector<Worker> workers;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    workers.clear();
    return tx.query(sql, {}, [&](const db::Row& row) -> Result<void> {
      workers.push_back(worker_of(row, clock_.now()));
      return {};
    });
  }));
  return workers;
}

Result<Worker> Workers::find(std::string_view id) {
  Worker found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, worker_in(tx, id, clock_.now()));
    return {};
  }));
  return found;
}

Result<void> Workers::set_capacity(std::string_view id, const CapacityMap& capacity,
                                   const events::Actor& actor) {
  HF_CHECK(check_capacity(capacity));
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(worker_in(tx, id, clock_.now()));
    const std::string text = text_of(capacity);
    HF_CHECK(tx.execute("UPDATE job_workers SET capacity = $2 WHERE id = $1", {id, text}));
    // Jobs that did not fit may fit now.
    tx.changed(kChangedJob, "");
    return tell(tx, events::Type::worker_capacity_set, id, text, actor, clock_.now());
  });
}

Result<void> Workers::remove(std::string_view id, bool even_alive, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Worker worker, worker_in(tx, id, clock_.now()));
    if (worker.is_alive && !even_alive) {
      return fail(ErrorCode::conflict, kWorkerAlive,
                  fmt::format("the worker {} is alive: stop it first, or use force", id));
    }
    HF_CHECK(tx.execute("DELETE FROM job_workers WHERE id = $1", {id}));
    return tell(tx, events::Type::worker_removed, id, "", actor, clock_.now());
  });
}

Result<void> Workers::forget(std::chrono::seconds silent_for) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("DELETE FROM job_workers WHERE heartbeat_ends < $1",
                        {to_micros(clock_.now() - silent_for)}));
    return {};
  });
}

}  // namespace holdfast::jobs
