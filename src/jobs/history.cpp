// What is over is forgotten.
#include <algorithm>
#include <optional>

#include "jobs/queue.hpp"
#include "jobs/rows.hpp"

namespace holdfast::jobs {

namespace {

constexpr std::int64_t kRowsAtOnce = 200;  // a job has up to 10,000 lines: transactions stay short

// The id of the youngest job to go by number, or 0.
Result<std::int64_t> last_beyond(db::Tx& tx, std::int64_t to_keep) {
  if (to_keep <= 0) return std::int64_t{0};
  HF_TRY(const auto found,
         tx.find<std::int64_t>("SELECT updated_at FROM jobs WHERE state = 2 "
                               "ORDER BY updated_at DESC LIMIT 1 OFFSET $1",
                               {to_keep}, [](const db::Row& row) { return row.integer(0); }));
  return found.value_or(0);
}

}  // namespace

Result<std::int64_t> Queue::forget(const Retention& retention, std::int64_t most) {
  std::int64_t total = 0;
  std::int64_t removed = kRowsAtOnce;
  while (removed == kRowsAtOnce && total < most) {
    HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
      removed = 0;
      HF_TRY(std::int64_t until, last_beyond(tx, retention.to_keep));
      if (retention.max_age.count() > 0) {
        until = std::max(until, to_micros(clock_.now() - retention.max_age));
      }
      if (until == 0) return {};
      std::vector<std::int64_t> ids;
      HF_CHECK(
          tx.query("SELECT id FROM jobs WHERE state = 2 AND updated_at <= $1 "
                   "ORDER BY updated_at, id LIMIT $2",
                   {until, kRowsAtOnce}, [&](const db::Row& row) -> Result<void> {
                     ids.push_back(row.integer(0));
                     return {};
                   }));
      for (const std::int64_t id : ids) {
        HF_CHECK(tx.execute("DELETE FROM job_logs WHERE job_id = $1", {id}));
        HF_CHECK(tx.execute("DELETE FROM jobs WHERE id = $1", {id}));
      }
      removed = std::ssize(ids);
      return {};
    }));
    total += removed;
  }
  return total;
}

}  // namespace holdfast::jobs
