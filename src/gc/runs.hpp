// Collections as they are written down: one at a time in all replicas, how far it is, what the last
// ones freed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::gc {

inline constexpr std::string_view kGcRunning = "gc_running";  // conflict: another run is under way
inline constexpr std::string_view kGcRunEnded = "gc_run_ended";  // conflict: this run is no more

std::span<const db::Migration> migrations();

enum class Scope { all, metadata, blobs };
std::string_view name(Scope scope);  // "all", "metadata", "blobs"
std::optional<Scope> scope_of(std::string_view name);

// In the order in which they are done.
enum class Phase { search_manifests, manifests, links, search_blobs, blobs, files, done };
std::string_view name(Phase phase);

struct Totals {
  std::int64_t manifests = 0;
  std::int64_t links = 0;  // of blobs to repositories
  std::int64_t blobs = 0;
  std::int64_t files = 0;       // that no row named
  std::int64_t size_bytes = 0;  // of blobs that were freed
};

struct RunRow {
  std::int64_t id = 0;
  std::string uuid;
  Scope scope = Scope::all;
  Phase phase = Phase::search_manifests;
  Timestamp started_at;
  Timestamp seen_at;  // when it last said how far it is
  bool ended = false;
  Totals totals;
};

// How far the sweeps are. Losing one costs doing work again, nothing else.
struct Cursors {
  std::int64_t manifests = 0;          // search: id
  std::int64_t manifests_done_at = 0;  // microseconds; 0: never, or wanted again
  std::int64_t blobs = 0;
  std::int64_t blobs_done_at = 0;
  std::int64_t links = 0;  // microseconds, repository_blobs.linked_at
  std::int64_t files = 0;  // part of the store
  std::int64_t files_done_at = 0;
  std::int64_t phase_at = 0;  // when the present phase of the present run began
};

// A run that said nothing for so long was killed.
inline constexpr std::chrono::minutes kRunLease{2};

// conflict/kGcRunning. `anew`: every search begins at the front.
Result<void> begin(db::Database& database, std::string_view uuid, Scope scope, bool anew,
                   Timestamp now);
// kGcRunEnded when it is not, or said nothing for longer than its lease.
Result<RunRow> find_running(db::Database& database, std::string_view uuid, Timestamp now);
Result<Cursors> cursors(db::Database& database);
// How far the run is; kGcRunEnded.
Result<void> save(db::Database& database, const RunRow& run, const Cursors& cursors, Timestamp now);
// The newest `limit`, newest first.
Result<std::vector<RunRow>> list(db::Database& database, int limit);

}  // namespace holdfast::gc
