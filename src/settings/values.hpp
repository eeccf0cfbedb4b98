// The settings as one value, and the table of their names.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace holdfast::settings {

inline constexpr std::string_view kSettingInvalid = "setting_invalid";       // invalid
inline constexpr std::string_view kRegistryReadOnly = "registry_read_only";  // read_only

// A URL that advisories are fetched from.
struct Feed {
  std::string name{};
  std::string url{};
  std::string kind{};  // "osv", "nvd", "kev" or "ratings"
  bool operator==(const Feed&) const = default;
};

// An immutable snapshot. The names behind are those of the API.
struct Values {
  bool create_repository_on_push = false;       // createRepositoryOnPush
  bool read_only_registry = false;              // readOnlyRegistry
  bool event_history_compaction = false;        // repoEventHistoryCompactionEnabled
  std::string event_history_max_age = "8760h";  // repoEventHistoryMaxAge: see duration_of
  std::int64_t event_history_to_keep = 0;       // repoEventHistoryToKeep; 0: any number
  bool job_history_compaction = true;           // jobHistoryCompactionEnabled
  std::string job_history_max_age = "2160h";    // jobHistoryMaxAge
  std::int64_t job_history_to_keep = 10'000;    // jobHistoryToKeep
  bool scanning_enabled = true;                 // scanningEnabled
  bool scanning_sync_online = true;             // scanningSyncOnline
  bool scanning_enable_auto_recheck = true;     // scanningEnableAutoRecheck
  std::int64_t scanning_deadline = 3600;        // scanningDeadline: seconds for one image
  std::string gc_untagged_grace = "7d";         // gcUntaggedGrace: see grace_of
  std::string gc_blob_grace = "1h";             // gcBlobGrace: see duration_of
  std::string http_proxy;                       // httpProxy: for our own requests outward
  std::string https_proxy;                      // httpsProxy
  std::string no_proxy;                         // noProxy: hosts, by commas
  std::vector<Feed> advisory_feeds;             // advisoryFeeds; empty: the default ones
  std::string advisories_stale_after = "7d";    // advisoriesStaleAfter: see duration_of; "0": never
  // Kept for those who ask, without effect here.
  bool report_analytics = false;            // reportAnalytics: nothing is ever reported
  bool anonymize_analytics = true;          // anonymizeAnalytics
  bool disable_upgrades = false;            // disableUpgrades
  bool disable_backup_warning = false;      // disableBackupWarning
  bool disable_persistent_cookies = false;  // disablePersistentCookies
};

// All fields by their names.
boost::json::object shown(const Values& values);

// The names of all fields, in the order of shown().
std::vector<std::string_view> names();

// Sets the field of that name; another name changes nothing. invalid/kSettingInvalid, with a
// sentence that names the field, for another type or a value that fits nothing.
Result<void> set(Values& values, std::string_view name, const boost::json::value& value);

// "2160h", "1h30m", "90s", "7d": digits with a unit, as often as wanted. Zero for "" and "0".
// Nothing for any other text, or for more than a hundred years.
std::optional<std::chrono::seconds> duration_of(std::string_view text);

// A duration, or nothing for kNever (and for what is neither).
inline constexpr std::string_view kNever = "never";
std::optional<std::chrono::seconds> grace_of(std::string_view text);

// read_only/kRegistryReadOnly while the registry is in read-only mode.
Result<void> need_writable(const Values& values);

}  // namespace holdfast::settings
