#include "repos/storage.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace holdfast::repos {

namespace {

using std::chrono::steady_clock;

constexpr int kKeptTimes = 20;
constexpr int kAtOnce = 8;
constexpr std::size_t kKnownAtMost = 10'000;
constexpr std::int64_t kStepIds = 20'000;

constexpr std::string_view kRepositoryBlobs =
    "SELECT count(*), COALESCE(CAST(sum(size) AS BIGINT), 0), COALESCE(CAST(sum(CASE WHEN EXISTS "
    "(SELECT 1 FROM repository_blobs o WHERE o.blob_id = b.id AND o.repository_id <> $1) "
    "THEN size ELSE 0 END) AS BIGINT), 0) FROM blobs b "
    "WHERE b.id IN (SELECT blob_id FROM repository_blobs WHERE repository_id = $1)";
constexpr std::string_view kNamespaceBlobs =
    "SELECT count(*), COALESCE(CAST(sum(size) AS BIGINT), 0), COALESCE(CAST(sum(CASE WHEN EXISTS "
    "(SELECT 1 FROM repository_blobs o JOIN repositories r ON r.id = o.repository_id "
    "WHERE o.blob_id = b.id AND r.namespace_id <> $1) "
    "THEN size ELSE 0 END) AS BIGINT), 0) FROM blobs b "
    "WHERE b.id IN (SELECT l.blob_id FROM repository_blobs l "
    "JOIN repositories r ON r.id = l.repository_id WHERE r.namespace_id = $1)";
constexpr std::string_view kBlobsStep =
    "SELECT count(*), COALESCE(CAST(sum(size) AS BIGINT), 0), COALESCE(CAST(sum(CASE WHEN holders "
    "> 1 THEN size ELSE 0 END) AS BIGINT), 0) FROM (SELECT b.size, (SELECT count(*) FROM "
    "(SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id LIMIT 2) AS two) AS holders "
    "FROM blobs b WHERE b.id > $1 AND b.id <= $2) AS held WHERE holders > 0";
constexpr std::string_view kManifestsStep =
    "SELECT count(*), COALESCE(CAST(sum(length(content)) AS BIGINT), 0) FROM manifests "
    "WHERE id > $1 AND id <= $2";

Result<std::int64_t> number(db::Tx& tx, std::string_view sql,
                            std::initializer_list<db::Value> values) {
  HF_TRY(const auto found,
         tx.find<std::int64_t>(sql, values, [](const db::Row& row) { return row.integer(0); }));
  return found.value_or(0);
}

// Adds what a statement about blobs, or one about manifests, gives.
Result<void> add_blobs(db::Tx& tx, std::string_view sql, std::initializer_list<db::Value> values,
                       StorageUse& use) {
  return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
    use.blobs += row.integer(0);
    use.bytes += row.integer(1);
    use.shared_bytes += row.integer(2);
    return {};
  });
}
Result<void> add_manifests(db::Tx& tx, std::string_view sql,
                           std::initializer_list<db::Value> values, StorageUse& use) {
  return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
    use.manifests += row.integer(0);
    use.manifest_bytes += row.integer(1);
    return {};
  });
}

}  // namespace

Result<StorageUse> Storage::of_all() {
  return known_or({Scope::all, 0}, [this] { return count_all(); });
}

Result<StorageUse> Storage::of_namespace(std::int64_t namespace_id) {
  return known_or({Scope::ns, namespace_id}, [this, namespace_id] {
    return count_where(kNamespaceBlobs, "SELECT id FROM repositories WHERE namespace_id = $1",
                       namespace_id);
  });
}

Result<StorageUse> Storage::of_repository(std::int64_t repository_id) {
  return known_or({Scope::repository, repository_id}, [this, repository_id] {
    return count_where(kRepositoryBlobs, "SELECT id FROM repositories WHERE id = $1",
                       repository_id);
  });
}

Result<StorageUse> Storage::known_or(const Key& key, const Count& count) {
  std::optional<StorageUse> old;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) {
      if (steady_clock::now() < found->second.until) return found->second.use;
      old = found->second.use;
    }
  }
  // Whoever waited here would hold a thread that pushes and pulls need.
  const bool busy = counting_.fetch_add(1) >= kAtOnce;
  const auto began = steady_clock::now();
  auto counted = busy ? Result<StorageUse>(fail(ErrorCode::unavailable, kCountingBusy,
                                                "others are being counted: ask again in a moment"))
                      : count();
  counting_.fetch_sub(1);
  if (busy && old) return *old;
  HF_CHECK(counted);
  const auto now = steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kKnownAtMost) known_.clear();
  known_.insert_or_assign(key, Known{*counted, now + kKeptTimes * (now - began)});
  return counted;
}

Result<StorageUse> Storage::count_all() {
  StorageUse use;
  use.at = clock_.now();
  std::int64_t last_blob = 0;
  std::int64_t last_manifest = 0;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(last_blob, number(tx, "SELECT COALESCE(max(id), 0) FROM blobs", {}));
    HF_TRY(last_manifest, number(tx, "SELECT COALESCE(max(id), 0) FROM manifests", {}));
    HF_TRY(use.tags, number(tx, "SELECT count(*) FROM tags", {}));
    HF_TRY(use.repositories, number(tx, "SELECT count(*) FROM repositories", {}));
    return {};
  }));
  // No statement runs for long, and no snapshot is held.
  for (std::int64_t id = 0; id < std::max(last_blob, last_manifest); id += kStepIds) {
    StorageUse step;
    HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
      step = {};
      HF_CHECK(add_blobs(tx, kBlobsStep, {id, id + kStepIds}, step));
      return add_manifests(tx, kManifestsStep, {id, id + kStepIds}, step);
    }));
    use.blobs += step.blobs;
    use.bytes += step.bytes;
    use.shared_bytes += step.shared_bytes;
    use.manifests += step.manifests;
    use.manifest_bytes += step.manifest_bytes;
  }
  return use;
}

Result<StorageUse> Storage::count_where(std::string_view blobs_sql, std::string_view mine,
                                        std::int64_t id) {
  StorageUse use;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    use = {};
    use.at = clock_.now();
    HF_CHECK(add_blobs(tx, blobs_sql, {id}, use));
    HF_CHECK(add_manifests(
        tx,
        fmt::format("SELECT count(*), COALESCE(CAST(sum(length(content)) AS BIGINT), 0) "
                    "FROM manifests WHERE repository_id IN ({})",
                    mine),
        {id}, use));
    HF_TRY(use.tags,
           number(tx, fmt::format("SELECT count(*) FROM tags WHERE repository_id IN ({})", mine),
                  {id}));
    HF_TRY(use.repositories,
           number(tx, fmt::format("SELECT count(*) FROM ({}) AS mine", mine), {id}));
    return {};
  }));
  return use;
}

}  // namespace holdfast::repos
