// New events for many who wait for them: read once from the outbox, kept for a while in memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"

namespace holdfast::events {

// Threads: any. Begins with what comes after the first poll.
class Feed {
 public:
  Feed(db::Database& database, const Clock& clock, std::size_t capacity = kCapacity)
      : database_(database), clock_(clock), capacity_(capacity) {}

  // Whether it is time to poll, and the caller is the one to do it: once a second at most, whoever
  // asks. Never blocks.
  bool claim();
  // Reads what is new, a few thousand at most. Blocks. Those that other replicas commit behind
  // later ones are found as well.
  Result<void> poll();

  // What came from `position` on, at most `limit`, and the position behind it. Nothing when some of
  // it was forgotten already: the reader is too slow. Never blocks on the database.
  struct Batch {
    std::vector<std::shared_ptr<const Event>> events;
    std::uint64_t next = 0;
  };
  std::optional<Batch> from(std::uint64_t position, std::size_t limit);
  // The position of what comes next.
  std::uint64_t end();

  static constexpr std::size_t kCapacity = 10'000;

 private:
  Result<void> start();
  Result<bool> step(std::int64_t& after);

  db::Database& database_;
  const Clock& clock_;
  const std::size_t capacity_;
  std::mutex polling_;  // held by the one who polls; guards what follows
  bool started_ = false;
  std::int64_t settled_ = 0;     // no event up to this id is still to come
  std::set<std::int64_t> seen_;  // of those behind it
  std::mutex mutex_;             // guards what follows
  std::chrono::steady_clock::time_point due_{};
  std::deque<std::shared_ptr<const Event>> kept_;
  std::uint64_t begin_ = 0;  // the position of the first that is kept
};

}  // namespace holdfast::events
