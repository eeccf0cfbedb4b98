#include "accounts/session_settings.hpp"

#include <array>
#include <utility>

namespace holdfast::accounts {

namespace {

constexpr std::string_view kLifetime = "sessions.lifetime_minutes";
constexpr std::string_view kThreshold = "sessions.renewal_threshold_minutes";
constexpr std::string_view kLimit = "sessions.per_user_limit";

constexpr std::chrono::minutes kLifetimeLeast{10};
constexpr std::chrono::minutes kLifetimeMost{365 * 24 * 60};
constexpr std::int64_t kLimitMost = 10'000;

Error invalid(std::string_view what) {
  return fail(ErrorCode::invalid, kSessionSettingsInvalid, std::string(what));
}

}  // namespace

Result<SessionSettings> load_session_settings(db::Tx& tx) {
  SessionSettings settings;
  HF_CHECK(tx.query("SELECT name, value FROM account_settings WHERE name IN ($1, $2, $3)",
                    {kLifetime, kThreshold, kLimit}, [&](const db::Row& row) -> Result<void> {
                      const std::int64_t value = row.integer(1);
                      if (row.text(0) == kLifetime) settings.lifetime = std::chrono::minutes(value);
                      if (row.text(0) == kThreshold)
                        settings.renewal_threshold = std::chrono::minutes(value);
                      if (row.text(0) == kLimit) settings.per_user_limit = value;
                      return {};
                    }));
  return settings;
}

Result<void> check_session_settings(const SessionSettings& settings) {
  if (settings.lifetime < kLifetimeLeast || settings.lifetime > kLifetimeMost) {
    return invalid("the lifetime of a session is 10 minutes to 525600 (a year)");
  }
  if (settings.renewal_threshold < std::chrono::minutes(0) ||
      settings.renewal_threshold > settings.lifetime) {
    return invalid("the renewal threshold is 0 to the lifetime of a session");
  }
  if (settings.per_user_limit < 0 || settings.per_user_limit > kLimitMost) {
    return invalid("the limit of sessions per user is 0 (none) to 10000");
  }
  return {};
}

Result<void> store_session_settings(db::Tx& tx, const SessionSettings& settings) {
  const std::array<std::pair<std::string_view, std::int64_t>, 3> values = {
      {{kLifetime, settings.lifetime.count()},
       {kThreshold, settings.renewal_threshold.count()},
       {kLimit, settings.per_user_limit}}};
  for (const auto& [name, value] : values) {
    HF_CHECK(
        tx.execute("INSERT INTO account_settings (name, value) VALUES ($1, $2) "
                   "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   {name, value}));
  }
  tx.changed(kChangedSessionSettings, "");
  return {};
}

}  // namespace holdfast::accounts
