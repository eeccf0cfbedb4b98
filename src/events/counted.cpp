#include <tuple>

#include "events/events.hpp"

namespace holdfast::events {

// Repository, tag, digest, user, address, object and type make a key; the latest client and time of
// it are kept.
struct Counted::State {
  using Key = std::tuple<Type, std::string, std::string, std::string, std::string, std::string,
                         std::string>;
  State(db::Database& database_in, const Clock& clock_in, std::size_t capacity_in)
      : database(database_in), clock(clock_in), capacity(capacity_in) {}

  static Key key_of(const Event& event) {
    return {event.type,       event.repository,    event.tag,   event.digest,
            event.actor.name, event.actor.address, event.object};
  }
  // Adds under the mutex. Beyond the capacity who and from where are given up, so that an attacker
  // with many addresses costs one entry per repository, not one per address.
  void add(Event event) {
    if (pending.size() >= capacity && !pending.contains(key_of(event))) {
      event.actor = Actor{};
      event.object.clear();
      event.tag.clear();
      event.digest.clear();
      if (pending.size() >= 2 * capacity && !pending.contains(key_of(event)))
        event.repository.clear();
    }
    const Key key = key_of(event);
    if (const auto found = pending.find(key); found != pending.end()) {
      event.count += found->second.count;
      found->second = std::move(event);
    } else {
      pending.emplace(key, std::move(event));
    }
  }

  db::Database& database;
  const Clock& clock;
  const std::size_t capacity;
  std::mutex mutex;
  std::map<Key, Event> pending;  // guarded by mutex
};

Counted::Counted(db::Database& database, const Clock& clock, std::size_t capacity)
    : state_(std::make_unique<State>(database, clock, capacity)) {}

Counted::~Counted() = default;

void Counted::record(Event event) {
  event.at = state_->clock.now();
  const std::lock_guard lock(state_->mutex);
  state_->add(std::move(event));
}

Result<void> Counted::flush() {
  std::map<State::Key, Event> batch;
  {
    const std::lock_guard lock(state_->mutex);
    batch.swap(state_->pending);
  }
  if (batch.empty()) return {};
  Result<void> written =
      state_->database.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
        for (const auto& [key, event] : batch) HF_CHECK(append(tx, event));
        return {};
      });
  if (!written) {
    // Kept for the next flush, within the same bound.
    const std::lock_guard lock(state_->mutex);
    for (auto& [key, event] : batch) state_->add(std::move(event));
  }
  return written;
}

}  // namespace holdfast::events
