#include "gc/collector.hpp"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "base/log.hpp"

namespace holdfast::gc {

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Rows a transaction may look at while nobody pushes; beside pushes they are so many times fewer,
// and a push waits for a few milliseconds at most.
constexpr int kManifestsAtOnce = 160;
constexpr int kRowsAtOnce = 1600;
constexpr int kFewerBesidePushes = 4;
constexpr int kSearchedAtOnce = 1000;
constexpr int kShareMost = 16;
// A search through everything, for what nobody wrote down.
constexpr std::chrono::hours kSearchEvery{7 * 24};
// A file gets its row within seconds of its last change.
constexpr std::chrono::hours kFileAge{24};
// An upload that has not ended by then was lost.
constexpr std::chrono::hours kUploadAge{8 * 24};
// Beside pushes a page's time is followed by a pause of so many times as much: more where a page
// keeps the one writer, less where it only keeps one connection of many.
constexpr int kPauses = 12;
constexpr int kPausesShared = 4;
constexpr milliseconds kPauseMost{500};
// So long after a push more are expected.
constexpr std::chrono::seconds kPushesAfter{2};

events::Actor actor() { return {0, "gc", "", "garbage collection", ""}; }

bool is_due(std::int64_t cursor, std::int64_t done_at, Timestamp now) {
  return cursor > 0 || done_at == 0 || now - from_micros(done_at) >= kSearchEvery;
}

bool belongs(Scope scope, Phase phase) {
  const bool of_manifests = phase == Phase::search_manifests || phase == Phase::manifests;
  return scope == Scope::all || of_manifests == (scope == Scope::metadata);
}

// Wakes up when it is to stop.
void sleep(SteadyClock::duration pause, const std::function<bool()>& stop) {
  const auto until = SteadyClock::now() + pause;
  while (SteadyClock::now() < until && !stop()) {
    std::this_thread::sleep_for(
        std::min<SteadyClock::duration>(until - SteadyClock::now(), milliseconds(20)));
  }
}

}  // namespace

struct Collector::Now {
  RunRow run;
  Cursors cursors;
  std::shared_ptr<const settings::Values> settings;
  bool beside_pushes = true;  // until a page went by without one
  int share = 1;              // a page is so many times smaller than it could be
  std::int64_t pushed = 0;    // grows with every push
  SteadyClock::time_point pushed_at;

  std::future<Totals> erasing;  // the files of the page before

  // Waits for these files and counts them.
  void settle() {
    if (!erasing.valid()) return;
    const Totals erased = erasing.get();
    run.totals.blobs += erased.blobs;
    run.totals.size_bytes += erased.size_bytes;
  }
  [[nodiscard]] int page_of(int rows) const {
    return rows / share / (beside_pushes ? kFewerBesidePushes : 1);
  }
};

Collector::Collector(db::Database& database, repos::Content& content, blob::Store& blobs,
                     uploads::Uploads& uploads, settings::Store& settings, const Clock& clock,
                     Random& random)
    : database_(database),
      blobs_(blobs),
      uploads_(uploads),
      settings_(settings),
      clock_(clock),
      random_(random),
      loose_(database, content) {}

Result<std::string> Collector::begin(Scope scope, Search search) {
  std::string id = uuid(random_);
  HF_CHECK(gc::begin(database_, id, scope, search == Search::anew, clock_.now()));
  return id;
}

Result<Progress> Collector::step(std::string_view run, milliseconds budget,
                                 const std::function<bool()>& stop) {
  Now now;
  HF_TRY(now.run, find_running(database_, run, clock_.now()));
  HF_TRY(now.cursors, cursors(database_));
  HF_CHECK(pushes_go_on(now));
  // There a transaction that meets a push runs again: the smaller, the more seldom.
  if (database_.is_shared()) now.share = 4;
  now.pushed_at = {};  // what was pushed before says nothing
  const int pauses = database_.is_shared() ? kPausesShared : kPauses;
  const auto until = SteadyClock::now() + budget;
  Result<void> outcome;
  while (outcome && now.run.phase != Phase::done && SteadyClock::now() < until && !stop()) {
    const auto began = SteadyClock::now();
    HF_TRY(now.settings, settings_.load());
    const Result<bool> more = page(now);
    if (!more) {
      // Pushes were quicker again and again: a smaller page has more luck.
      const bool met = more.error().reason == db::kDatabaseUnavailable && now.share < kShareMost;
      if (!met) outcome = more.error();
      now.share *= 4;
    } else if (!*more) {
      now.run.phase = static_cast<Phase>(static_cast<int>(now.run.phase) + 1);
      now.cursors.phase_at = to_micros(clock_.now());
      continue;
    }
    const auto took = SteadyClock::now() - began;
    HF_TRY(now.beside_pushes, pushes_go_on(now));
    if (now.beside_pushes) sleep(std::min<SteadyClock::duration>(took * pauses, kPauseMost), stop);
  }
  now.settle();
  now.run.ended = now.run.phase == Phase::done;
  HF_CHECK(save(database_, now.run, now.cursors, clock_.now()));
  HF_CHECK(outcome);
  return Progress{now.run.phase, now.run.totals};
}

Result<void> Collector::end(std::string_view run) {
  auto row = find_running(database_, run, clock_.now());
  if (!row) return row.error().reason == kGcRunEnded ? Result<void>() : row.error();
  row->ended = true;
  HF_TRY(const Cursors now, cursors(database_));
  return save(database_, *row, now, clock_.now());
}

Result<Status> Collector::status() {
  constexpr int kRunsShown = 10;
  Status status;
  HF_TRY(status.runs, list(database_, kRunsShown));
  // One that was killed does not look as if it ran.
  for (RunRow& run : status.runs) run.ended |= run.seen_at <= clock_.now() - kRunLease;
  HF_TRY(status.waiting, repos::waiting(database_, kWaitingCounted));
  HF_TRY(status.cursors, cursors(database_));
  return status;
}

// One page of the phase; whether it may have more.
Result<bool> Collector::page(Now& now) {
  if (!belongs(now.run.scope, now.run.phase)) return false;
  switch (now.run.phase) {
    case Phase::search_manifests:
      return search_manifests(now);
    case Phase::manifests:
      return remove_manifests(now);
    case Phase::links:
      return remove_links(now);
    case Phase::search_blobs:
      return search_blobs(now);
    case Phase::blobs:
      return remove_blobs(now);
    case Phase::files:
      return remove_files(now);
    case Phase::done:
      return false;
  }
  return false;
}

Result<bool> Collector::search_manifests(Now& now) {
  Cursors& at = now.cursors;
  if (!is_due(at.manifests, at.manifests_done_at, clock_.now())) return false;
  HF_TRY(const auto page, loose_.search_manifests(at.manifests, kSearchedAtOnce, clock_.now()));
  if (page.looked_at == kSearchedAtOnce) {
    at.manifests = page.last;
    return true;
  }
  at.manifests = 0;
  at.manifests_done_at = to_micros(clock_.now());
  at.links = 0;  // links too are looked at from the first on
  return false;
}

// Times count from the phase's beginning: beside pushes that never end, it does.
Result<bool> Collector::remove_manifests(Now& now) {
  const auto grace = settings::grace_of(now.settings->gc_untagged_grace);
  if (!grace) return false;
  HF_TRY(const auto page, loose_.remove_manifests(from_micros(now.cursors.phase_at) - *grace,
                                                  now.page_of(kManifestsAtOnce), actor()));
  now.run.totals.manifests += page.removed;
  return page.looked_at > 0;
}

Result<bool> Collector::remove_links(Now& now) {
  const auto grace = settings::duration_of(now.settings->gc_blob_grace);
  const Timestamp until = from_micros(now.cursors.phase_at) - grace.value_or(std::chrono::hours(1));
  HF_TRY(const auto page, loose_.remove_links(now.cursors.links, until, now.page_of(kRowsAtOnce)));
  now.run.totals.links += page.removed;
  now.cursors.links = page.last;
  return page.looked_at > 0;
}

Result<bool> Collector::search_blobs(Now& now) {
  Cursors& at = now.cursors;
  if (!is_due(at.blobs, at.blobs_done_at, clock_.now())) return false;
  HF_TRY(const auto page, loose_.search_blobs(at.blobs, kSearchedAtOnce));
  if (page.looked_at == kSearchedAtOnce) {
    at.blobs = page.last;
    return true;
  }
  at.blobs = 0;
  at.blobs_done_at = to_micros(clock_.now());
  return false;
}

// Rows first, then bytes: the reverse of writing. What a crash leaves between the two is found by
// remove_files.
Result<bool> Collector::remove_blobs(Now& now) {
  const int rows = now.page_of(kRowsAtOnce);
  std::vector<repos::Loose::RemovedBlob> removed;
  HF_TRY(const auto page, loose_.remove_blobs(rows, removed));
  now.settle();
  // Beside the next page's transaction.
  now.erasing = std::async(std::launch::async, [this, blobs = std::move(removed)] {
    Totals erased;
    for (const auto& blob : blobs) {
      if (const Result<void> outcome = blobs_.erase(blob.key); !outcome) {
        log::warn("a blob's file stays on disk", {{"error", describe(outcome.error())}});
        continue;
      }
      ++erased.blobs;
      erased.size_bytes += blob.size_bytes;
    }
    return erased;
  });
  return page.looked_at == rows;
}

Result<bool> Collector::remove_files(Now& now) {
  Cursors& at = now.cursors;
  if (!is_due(at.files, at.files_done_at, clock_.now())) return false;
  std::vector<blob::ListedBlob> some;
  const auto settle = [&]() -> Result<void> {
    HF_TRY(const auto unknown, loose_.without_row(some));
    for (const blob::ListedBlob& file : unknown) HF_CHECK(remove_file(now, file));
    some.clear();
    return {};
  };
  const Timestamp limit = clock_.now() - kFileAge;
  HF_CHECK(blobs_.list_blobs(static_cast<int>(at.files),
                             [&](const blob::ListedBlob& file) -> Result<void> {
                               if (file.changed <= limit) some.push_back(file);
                               return some.size() < kRowsAtOnce ? Result<void>() : settle();
                             }));
  HF_CHECK(settle());
  if (++at.files < blob::BlobAdmin::kListParts) return true;
  at.files = 0;
  at.files_done_at = to_micros(clock_.now());
  return false;
}

Result<void> Collector::remove_file(Now& now, const blob::ListedBlob& file) {
  HF_TRY(const bool busy, uploads_.is_under_way(file.session, clock_.now() - kUploadAge));
  if (busy) return {};
  HF_CHECK(blobs_.erase(file.key));
  ++now.run.totals.files;
  return {};
}

// A push makes a manifest or a blob, and this never does.
Result<bool> Collector::pushes_go_on(Now& now) {
  std::int64_t pushed = 0;
  HF_TRY(pushed, repos::last_pushed(database_));
  const auto moment = SteadyClock::now();
  if (pushed > std::exchange(now.pushed, pushed)) now.pushed_at = moment;
  return now.pushed_at != SteadyClock::time_point{} && moment - now.pushed_at < kPushesAfter;
}

}  // namespace holdfast::gc
