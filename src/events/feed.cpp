#include "events/feed.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::events {

namespace {

constexpr std::chrono::seconds kEvery{1};
constexpr int kStep = 1000;
constexpr int kStepsAtOnce = 20;
// Longer than any transaction of ours may take: ids are given before COMMIT on a shared database.
constexpr std::chrono::seconds kSharedLag{15};

}  // namespace

bool Feed::claim() {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (now < due_) return false;
  due_ = now + kEvery;
  return true;
}

Result<void> Feed::start() {
  std::int64_t last = 0;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto found,
           tx.find<std::int64_t>("SELECT COALESCE(max(id), 0) FROM events", {},
                                 [](const db::Row& row) { return row.integer(0); }));
    last = found.value_or(0);
    return {};
  }));
  settled_ = last;
  started_ = true;
  return {};
}

Result<bool> Feed::step(std::int64_t& after) {
  std::vector<Event> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, list(tx, after, kStep));
    return {};
  }));
  const Timestamp settled_at = database_.is_shared() ? clock_.now() - kSharedLag : Timestamp::max();
  const std::lock_guard lock(mutex_);
  bool settling = settled_ == after;
  for (Event& event : found) {
    after = event.id;
    settling = settling && event.at <= settled_at;
    if (settling) settled_ = event.id;
    if (!seen_.insert(event.id).second) continue;
    kept_.push_back(std::make_shared<const Event>(std::move(event)));
    if (kept_.size() > capacity_) {
      kept_.pop_front();
      ++begin_;
    }
  }
  return std::ssize(found) == kStep;
}

Result<void> Feed::poll() {
  const std::lock_guard lock(polling_);
  if (!started_) return start();
  std::int64_t after = settled_;
  bool more = true;
  for (int i = 0; more && i < kStepsAtOnce; ++i) {
    HF_TRY(more, step(after));
  }
  seen_.erase(seen_.begin(), seen_.upper_bound(settled_));
  return {};
}

std::optional<Feed::Batch> Feed::from(std::uint64_t position, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  if (position < begin_) return std::nullopt;
  Batch batch;
  const std::size_t first = std::min<std::size_t>(position - begin_, kept_.size());
  const std::size_t last = std::min(kept_.size(), first + limit);
  batch.events.assign(kept_.begin() + static_cast<std::ptrdiff_t>(first),
                      kept_.begin() + static_cast<std::ptrdiff_t>(last));
  batch.next = begin_ + last;
  return batch;
}

std::uint64_t Feed::end() {
  const std::lock_guard lock(mutex_);
  return begin_ + kept_.size();
}

}  // namespace holdfast::events
