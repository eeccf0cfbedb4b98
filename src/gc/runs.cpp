#include "gc/runs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace holdfast::gc {

namespace {

constexpr db::Migration kMigrations[] = {
    {"gc/0001-runs", R"(CREATE TABLE gc_runs (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        scope {text} NOT NULL,
        phase {text} NOT NULL,
        started_at {int} NOT NULL,
        seen_at {int} NOT NULL,
        ended {int} NOT NULL,
        manifests {int} NOT NULL,
        links {int} NOT NULL,
        blobs {int} NOT NULL,
        files {int} NOT NULL,
        size {int} NOT NULL);
      CREATE TABLE gc_cursors (
        name {text} NOT NULL PRIMARY KEY,
        value {int} NOT NULL))"},
};

constexpr std::array<std::pair<Scope, std::string_view>, 3> kScopes = {{
    {Scope::all, "all"},
    {Scope::metadata, "metadata"},
    {Scope::blobs, "blobs"},
}};

constexpr std::array<std::pair<Phase, std::string_view>, 7> kPhases = {{
    {Phase::search_manifests, "search_manifests"},
    {Phase::manifests, "manifests"},
    {Phase::links, "links"},
    {Phase::search_blobs, "search_blobs"},
    {Phase::blobs, "blobs"},
    {Phase::files, "files"},
    {Phase::done, "done"},
}};

constexpr std::array<std::pair<std::string_view, std::int64_t Cursors::*>, 8> kCursors = {{
    {"manifests", &Cursors::manifests},
    {"manifests_done_at", &Cursors::manifests_done_at},
    {"blobs", &Cursors::blobs},
    {"blobs_done_at", &Cursors::blobs_done_at},
    {"links", &Cursors::links},
    {"files", &Cursors::files},
    {"files_done_at", &Cursors::files_done_at},
    {"phase_at", &Cursors::phase_at},
}};

constexpr std::string_view kColumns =
    "id, uuid, scope, phase, started_at, seen_at, ended, manifests, links, blobs, files, size";
constexpr std::int64_t kRunsKept = 100;

RunRow run_of(const db::Row& row) {
  const auto phase =
      std::ranges::find(kPhases, row.text(3), &decltype(kPhases)::value_type::second);
  return {row.integer(0),
          row.string(1),
          scope_of(row.text(2)).value_or(Scope::all),
          phase == kPhases.end() ? Phase::done : phase->first,
          from_micros(row.integer(4)),
          from_micros(row.integer(5)),
          row.boolean(6),
          {row.integer(7), row.integer(8), row.integer(9), row.integer(10), row.integer(11)}};
}

Result<void> save_cursors(db::Tx& tx, const Cursors& cursors) {
  for (const auto& [name, member] : kCursors) {
    HF_CHECK(
        tx.execute("INSERT INTO gc_cursors (name, value) VALUES ($1, $2) "
                   "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   {name, cursors.*member}));
  }
  return {};
}

Error ended() {
  return fail(ErrorCode::conflict, kGcRunEnded, "this collection of garbage has ended");
}

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

std::string_view name(Scope scope) {
  return std::ranges::find(kScopes, scope, &decltype(kScopes)::value_type::first)->second;
}

std::optional<Scope> scope_of(std::string_view name) {
  const auto found = std::ranges::find(kScopes, name, &decltype(kScopes)::value_type::second);
  return found == kScopes.end() ? std::nullopt : std::optional(found->first);
}

std::string_view name(Phase phase) {
  return std::ranges::find(kPhases, phase, &decltype(kPhases)::value_type::first)->second;
}

Result<void> begin(db::Database& database, std::string_view uuid, Scope scope, bool anew,
                   Timestamp now) {
  return database.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    bool running = false;
    HF_CHECK(tx.query("SELECT 1 FROM gc_runs WHERE ended = 0 AND seen_at > $1",
                      {to_micros(now - kRunLease)}, [&](const db::Row& /*row*/) -> Result<void> {
                        running = true;
                        return {};
                      }));
    if (running) {
      return fail(ErrorCode::conflict, kGcRunning,
                  "a collection of garbage is under way; one whose process was killed counts as "
                  "ended after two minutes");
    }
    HF_CHECK(tx.execute("UPDATE gc_runs SET ended = 1 WHERE ended = 0", {}));
    HF_CHECK(tx.execute("DELETE FROM gc_runs WHERE id <= (SELECT max(id) FROM gc_runs) - $1",
                        {kRunsKept}));
    HF_CHECK(tx.execute(
        "INSERT INTO gc_runs (uuid, scope, phase, started_at, seen_at, ended, manifests, links, "
        "blobs, files, size) VALUES ($1, $2, $3, $4, $4, 0, 0, 0, 0, 0, 0)",
        {uuid, name(scope), name(Phase::search_manifests), to_micros(now)}));
    return anew ? save_cursors(tx, {}) : Result<void>();
  });
}

Result<RunRow> find_running(db::Database& database, std::string_view uuid, Timestamp now) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM gc_runs WHERE uuid = $1 AND ended = 0 AND seen_at > $2", kColumns);
  std::optional<RunRow> found;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<RunRow>(sql, {uuid, to_micros(now - kRunLease)}, run_of));
    return {};
  }));
  if (!found) return ended();
  return *std::move(found);
}

Result<Cursors> cursors(db::Database& database) {
  Cursors read;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    read = {};
    return tx.query("SELECT name, value FROM gc_cursors", {},
                    [&](const db::Row& row) -> Result<void> {
                      for (const auto& [name, member] : kCursors) {
                        if (name == row.text(0)) read.*member = row.integer(1);
                      }
                      return {};
                    });
  }));
  return read;
}

Result<void> save(db::Database& database, const RunRow& run, const Cursors& cursors,
                  Timestamp now) {
  return database.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t saved,
           tx.execute("UPDATE gc_runs SET phase = $2, seen_at = $3, ended = $4, manifests = $5, "
                      "links = $6, blobs = $7, files = $8, size = $9 WHERE id = $1 AND ended = 0",
                      {run.id, name(run.phase), to_micros(now), std::int64_t{run.ended},
                       run.totals.manifests, run.totals.links, run.totals.blobs, run.totals.files,
                       run.totals.size_bytes}));
    if (saved == 0) return ended();
    return save_cursors(tx, cursors);
  });
}

Result<std::vector<RunRow>> list(db::Database& database, int limit) {
  static const std::string sql =
      fmt::format("SELECT {} FROM gc_runs ORDER BY id DESC LIMIT $1", kColumns);
  std::vector<RunRow> runs;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    runs.clear();
    return tx.query(sql, {std::int64_t{limit}}, [&](const db::Row& row) -> Result<void> {
      runs.push_back(run_of(row));
      return {};
    });
  }));
  return runs;
}

}  // namespace holdfast::gc
