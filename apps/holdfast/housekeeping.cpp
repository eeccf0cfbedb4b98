#include "housekeeping.hpp"

#include <chrono>

#include "base/log.hpp"
#include "events/history.hpp"
#include "scanning.hpp"

namespace holdfast {

namespace {

constexpr std::chrono::hours kExpiryEvery{1};
constexpr std::chrono::minutes kForgettingEvery{10};

// Forgets old events as the settings say, a few thousand at a time. Whether there may be more.
bool forget_old_events(Core& core) {
  constexpr std::int64_t kAtOnce = 5'000;
  const auto settings = core.settings.load();
  if (!settings) return false;  // the database is away; it is logged where it is needed
  if (!(*settings)->event_history_compaction) return false;
  const auto age = settings::duration_of((*settings)->event_history_max_age);
  const auto removed = events::trim(
      *core.database, {age.value_or(std::chrono::seconds(0)), (*settings)->event_history_to_keep},
      core.clock.now(), kAtOnce);
  if (!removed) {
    log::error("old events could not be forgotten", {{"error", describe(removed.error())}});
    return false;
  }
  if (*removed > 0) log::info("old events forgotten", {{"count", *removed}});
  return *removed >= kAtOnce;
}

}  // namespace

void keep_house(const Options& options, Core& core, Certificates& certificates,
                const sigset_t& signals) {
  auto next_expiry = std::chrono::steady_clock::now();
  auto next_forgetting = next_expiry;
  while (true) {
    constexpr timespec kSecond{1, 0};
    const int signal = ::sigtimedwait(&signals, nullptr, &kSecond);
    if (signal == SIGINT || signal == SIGTERM) return;
    if (const auto flushed = core.counted.flush(); !flushed) {
      log::error("counted events wait for the database", {{"error", describe(flushed.error())}});
    }
    if (const auto flushed = core.access_tokens.flush(); !flushed) {
      log::error("uses of access tokens wait for the database",
                 {{"error", describe(flushed.error())}});
    }
    if (const auto counted = core.traffic.count_new(); !counted) {
      log::error("pulls and pushes wait to be counted", {{"error", describe(counted.error())}});
    }
    if (const auto taken = core.search.take_up(); !taken) {
      log::error("repositories wait to be searched", {{"error", describe(taken.error())}});
    }
    if (const auto flushed = core.sessions.flush(accounts::Sessions::Flush::due); !flushed) {
      log::error("uses of sessions wait for the database", {{"error", describe(flushed.error())}});
    }
    refresh_advisories(*core.scanning);
    certificates.refresh();
    if (const auto now = std::chrono::steady_clock::now(); now >= next_forgetting) {
      next_forgetting = forget_old_events(core) ? now : now + kForgettingEvery;
    }
    if (std::chrono::steady_clock::now() < next_expiry) continue;
    next_expiry = std::chrono::steady_clock::now() + kExpiryEvery;
    const auto expired = core.uploads.expire(options.uploads_expire_after);
    if (!expired)
      log::error("uploads could not be looked through", {{"error", describe(expired.error())}});
    if (expired && *expired > 0)
      log::info("unfinished uploads expired", {{"count", std::int64_t{*expired}}});
    if (const auto forgotten = core.traffic.forget_old(); !forgotten)
      log::error("old hours and days stay", {{"error", describe(forgotten.error())}});
    if (const auto swept = core.sessions.sweep(); !swept)
      log::error("expired sessions stay", {{"error", describe(swept.error())}});
  }
}

}  // namespace holdfast
