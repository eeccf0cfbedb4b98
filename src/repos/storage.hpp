// What repositories take up, counted from what they refer to.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::repos {

inline constexpr std::string_view kCountingBusy = "counting_busy";  // unavailable

struct StorageUse {
  Timestamp at;  // when it was counted
  std::int64_t blobs = 0;
  std::int64_t bytes = 0;         // of blobs, each once
  std::int64_t shared_bytes = 0;  // of these, of blobs that something else holds as well
  std::int64_t manifests = 0;
  std::int64_t manifest_bytes = 0;
  std::int64_t tags = 0;
  std::int64_t repositories = 0;
};

// Counts cost by the blob, so each is kept for twenty times as long as it took: at once for what is
// small, and never more than a twentieth of a thread for what is large. Threads: any; all calls
// block.
class Storage {
 public:
  Storage(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Blobs that no repository holds any more do not count; shared is what two repositories hold. In
  // steps: what is pushed meanwhile may be in it or not.
  Result<StorageUse> of_all();
  // Shared is what a repository of another namespace holds as well.
  Result<StorageUse> of_namespace(std::int64_t namespace_id);
  // Shared is what another repository holds as well.
  Result<StorageUse> of_repository(std::int64_t repository_id);

 private:
  enum class Scope : std::uint8_t { all, ns, repository };
  using Key = std::pair<Scope, std::int64_t>;
  struct Known {
    StorageUse use;
    std::chrono::steady_clock::time_point until;
  };
  using Count = std::function<Result<StorageUse>()>;
  // kCountingBusy when too many are being counted and nothing is known yet.
  Result<StorageUse> known_or(const Key& key, const Count& count);
  Result<StorageUse> count_all();
  Result<StorageUse> count_where(std::string_view blobs_sql, std::string_view mine,
                                 std::int64_t id);

  db::Database& database_;
  const Clock& clock_;
  std::atomic<int> counting_{0};
  std::mutex mutex_;
  std::map<Key, Known> known_;  // guarded by mutex_
};

}  // namespace holdfast::repos
