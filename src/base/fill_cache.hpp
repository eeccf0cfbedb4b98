// A bounded cache in memory that a slow reader can never poison.
//
// The problem: a reader misses, reads the old row, a writer commits and drops the key, and then the
// reader stores what it had read: the old row would stay. Here a reader takes a Ticket before it
// reads; a drop that happens in between makes the ticket void, and the insert does nothing.
//
// "Not found" is not cached (architecture.md, invariant 9): callers insert only what exists.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace holdfast {

// Least-recently-used cache from strings to small values (usually shared_ptr<const …>). Safe to use
// from any thread; a lookup takes one shard's mutex. `cost` is in the caller's unit (bytes, or 1).
template <typename Value>
class FillCache {
 public:
  // Void once the key's shard saw a drop.
  class Ticket {
    friend class FillCache;
    std::uint64_t generation = 0;
  };

  explicit FillCache(std::size_t capacity_cost) : shard_capacity_(capacity_cost / kShards + 1) {}

  std::optional<Value> find(std::string_view key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.index.find(key);
    if (found == shard.index.end()) return std::nullopt;
    shard.order.splice(shard.order.begin(), shard.order, found->second);
    return found->second->value;
  }

  // To be taken before the slow read.
  Ticket ticket(std::string_view key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    Ticket ticket;
    ticket.generation = shard.generation;
    return ticket;
  }

  // Stores the value unless the shard saw a drop since `ticket` was taken.
  void insert(const Ticket& ticket, std::string_view key, Value value, std::size_t cost = 1) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (shard.generation != ticket.generation || cost > shard_capacity_) return;
    if (const auto found = shard.index.find(key); found != shard.index.end()) {
      remove(shard, found->second);
    }
    shard.order.push_front(Entry{std::string(key), std::move(value), cost});
    shard.index.emplace(std::string_view(shard.order.front().key), shard.order.begin());
    shard.cost += cost;
    while (shard.cost > shard_capacity_) remove(shard, std::prev(shard.order.end()));
  }

  // Forgets a key. Called after COMMIT and before the change is answered.
  void drop(std::string_view key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    ++shard.generation;
    if (const auto found = shard.index.find(key); found != shard.index.end()) {
      remove(shard, found->second);
    }
  }

  // For notices of changes, where an empty key means any.
  void drop_or_clear(std::string_view key) {
    if (key.empty()) return clear();
    drop(key);
  }

  // Forgets everything.
  void clear() {
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      ++shard.generation;
      shard.index.clear();
      shard.order.clear();
      shard.cost = 0;
    }
  }

 private:
  struct Entry {
    std::string key;
    Value value;
    std::size_t cost;
  };
  struct Shard {
    std::mutex mutex;
    std::uint64_t generation = 0;
    std::size_t cost = 0;
    std::list<Entry> order;  // most recent first
    std::unordered_map<std::string_view, typename std::list<Entry>::iterator> index;
  };
  static constexpr std::size_t kShards = 16;

  Shard& shard_of(std::string_view key) {
    return shards_[std::hash<std::string_view>{}(key) % kShards];
  }
  static void remove(Shard& shard, typename std::list<Entry>::iterator entry) {
    shard.cost -= entry->cost;
    shard.index.erase(std::string_view(entry->key));
    shard.order.erase(entry);
  }

  std::size_t shard_capacity_;
  std::array<Shard, kShards> shards_;
};

}  // namespace holdfast
