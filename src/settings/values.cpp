#include "settings/values.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cctype>
#include <fmt/format.h>
#include <variant>

namespace holdfast::settings {

namespace {

using Member = std::variant<bool Values::*, std::int64_t Values::*, std::string Values::*,
                            std::vector<Feed> Values::*>;

constexpr std::size_t kTextMaxBytes = 4096;
constexpr std::int64_t kNumberMost = 1'000'000'000;

// Why a text does not fit its field: "must be …"; nothing when it fits.
using Check = std::string_view (*)(std::string_view text);

std::string_view plain(std::string_view text) {
  const bool has_control = std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  if (has_control) return "must be text without control characters";
  return text.size() > kTextMaxBytes ? "must have at most 4096 bytes" : "";
}

std::string_view duration(std::string_view text) {
  return duration_of(text) ? "" : "must be a time such as \"2160h\", \"30m\" or \"7d\"";
}

std::string_view grace(std::string_view text) {
  if (text == kNever || duration_of(text)) return "";
  return "must be a time such as \"7d\" or \"12h\", or \"never\"";
}

// Settings are shown to every administrator and copied with backups: no place for a password.
std::string_view proxy(std::string_view text) {
  if (const std::string_view problem = plain(text); !problem.empty() || text.empty()) {
    return problem;
  }
  const std::size_t scheme = text.find("://");
  const std::string_view host = scheme == std::string_view::npos ? text : text.substr(scheme + 3);
  const bool known = scheme == std::string_view::npos || text.starts_with("http://") ||
                     text.starts_with("https://");
  if (!known || host.empty() || host.find_first_of(" \"'<>\\") != std::string_view::npos) {
    return "must be a URL such as \"http://proxy.mydns.com:3128\"";
  }
  return host.find('@') == std::string_view::npos ? "" : "must not hold a user name or a password";
}

struct Field {
  std::string_view name;
  Member member;
  Check check = plain;
};

constexpr std::array<Field, 24> kFields = {{
    {"createRepositoryOnPush", &Values::create_repository_on_push},
    {"readOnlyRegistry", &Values::read_only_registry},
    {"repoEventHistoryCompactionEnabled", &Values::event_history_compaction},
    {"repoEventHistoryMaxAge", &Values::event_history_max_age, duration},
    {"repoEventHistoryToKeep", &Values::event_history_to_keep},
    {"jobHistoryCompactionEnabled", &Values::job_history_compaction},
    {"jobHistoryMaxAge", &Values::job_history_max_age, duration},
    {"jobHistoryToKeep", &Values::job_history_to_keep},
    {"scanningEnabled", &Values::scanning_enabled},
    {"scanningSyncOnline", &Values::scanning_sync_online},
    {"scanningEnableAutoRecheck", &Values::scanning_enable_auto_recheck},
    {"scanningDeadline", &Values::scanning_deadline},
    {"gcUntaggedGrace", &Values::gc_untagged_grace, grace},
    {"gcBlobGrace", &Values::gc_blob_grace, duration},
    {"httpProxy", &Values::http_proxy, proxy},
    {"httpsProxy", &Values::https_proxy, proxy},
    {"noProxy", &Values::no_proxy},
    {"advisoryFeeds", &Values::advisory_feeds},
    {"advisoriesStaleAfter", &Values::advisories_stale_after, duration},
    {"reportAnalytics", &Values::report_analytics},
    {"anonymizeAnalytics", &Values::anonymize_analytics},
    {"disableUpgrades", &Values::disable_upgrades},
    {"disableBackupWarning", &Values::disable_backup_warning},
    {"disablePersistentCookies", &Values::disable_persistent_cookies},
}};

Error wrong(std::string_view name, std::string_view problem) {
  return fail(ErrorCode::invalid, kSettingInvalid, fmt::format("\"{}\" {}", name, problem));
}

Result<void> put(Values& values, const Field& field, bool Values::* member,
                 const boost::json::value& value) {
  if (!value.is_bool()) return wrong(field.name, "must be true or false");
  values.*member = value.get_bool();
  return {};
}

Result<void> put(Values& values, const Field& field, std::int64_t Values::* member,
                 const boost::json::value& value) {
  const std::int64_t* number = value.if_int64();
  if (number == nullptr || *number < 0 || *number > kNumberMost) {
    return wrong(field.name, fmt::format("must be a whole number from 0 to {}", kNumberMost));
  }
  values.*member = *number;
  return {};
}

Result<void> put(Values& values, const Field& field, std::string Values::* member,
                 const boost::json::value& value) {
  if (!value.is_string()) return wrong(field.name, "must be a string");
  const std::string_view text = value.get_string();
  if (const std::string_view problem = field.check(text); !problem.empty()) {
    return wrong(field.name, problem);
  }
  values.*member = text;
  return {};
}

// Letters, digits and a few marks, as a list by people has them.
bool is_feed_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == ' ' || c == '.' || c == '-' || c == '_';
  });
}

// Without credentials, as settings are shown and copied with backups.
bool is_feed_url(std::string_view text) {
  constexpr std::size_t kUrlMaxBytes = 2048;
  const std::size_t scheme = text.find("://");
  if (text.size() > kUrlMaxBytes || (!text.starts_with("https://") && !text.starts_with("http://")))
    return false;
  const std::string_view rest = text.substr(scheme + 3);
  const std::string_view host = rest.substr(0, rest.find('/'));
  return !host.empty() && !host.contains('@') &&
         std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

Result<Feed> feed_of(const boost::json::value& value) {
  constexpr std::array<std::string_view, 4> kKinds = {"osv", "nvd", "kev", "ratings"};
  Feed feed;
  const auto text = [&](std::string_view name) {
    const boost::json::value* found =
        value.is_object() ? value.get_object().if_contains(name) : nullptr;
    return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                  : std::string();
  };
  feed = {text("name"), text("url"), text("kind")};
  if (!is_feed_name(feed.name)) {
    return wrong("advisoryFeeds", "needs for each a \"name\" of letters, digits, blanks and .-_");
  }
  if (!is_feed_url(feed.url)) {
    return wrong(
        "advisoryFeeds",
        "needs for each a \"url\" such as \"https://mirror.mydns.com/PyPI/all.zip\", without "
        "a user name or a password");
  }
  if (std::ranges::find(kKinds, feed.kind) == kKinds.end()) {
    return wrong("advisoryFeeds", "needs for each a \"kind\": osv, nvd, kev or ratings");
  }
  return feed;
}

Result<void> put(Values& values, const Field& field, std::vector<Feed> Values::* member,
                 const boost::json::value& value) {
  constexpr std::size_t kFeedsAtMost = 100;
  if (!value.is_array() || value.get_array().size() > kFeedsAtMost) {
    return wrong(field.name, "must be a list of at most 100 feeds");
  }
  std::vector<Feed> feeds;
  for (const boost::json::value& one : value.get_array()) {
    HF_TRY(Feed feed, feed_of(one));
    if (std::ranges::find(feeds, feed.name, &Feed::name) != feeds.end()) {
      return wrong(field.name, "has two feeds of one name");
    }
    feeds.push_back(std::move(feed));
  }
  values.*member = std::move(feeds);
  return {};
}

boost::json::value to_json(bool value) { return value; }
boost::json::value to_json(std::int64_t value) { return value; }
boost::json::value to_json(const std::string& value) { return boost::json::value(value); }
boost::json::value to_json(const std::vector<Feed>& feeds) {
  boost::json::array list;
  for (const Feed& feed : feeds) {
    list.emplace_back(
        boost::json::object{{"name", feed.name}, {"url", feed.url}, {"kind", feed.kind}});
  }
  return list;
}

std::int64_t seconds_of(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 24L * 3600;
    default:
      return 0;
  }
}

}  // namespace

boost::json::object shown(const Values& values) {
  boost::json::object object;
  for (const Field& field : kFields) {
    std::visit([&](auto member) { object.emplace(field.name, to_json(values.*member)); },
               field.member);
  }
  return object;
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> all;
  all.reserve(kFields.size());
  for (const Field& field : kFields) all.push_back(field.name);
  return all;
}

Result<void> set(Values& values, std::string_view name, const boost::json::value& value) {
  const auto field = std::ranges::find(kFields, name, &Field::name);
  if (field == kFields.end()) return {};
  return std::visit([&](auto member) { return put(values, *field, member, value); }, field->member);
}

std::optional<std::chrono::seconds> duration_of(std::string_view text) {
  constexpr std::int64_t kMost = 100LL * 366 * 24 * 3600;
  std::int64_t total = 0;
  if (text.empty() || text == "0") return std::chrono::seconds(0);
  while (!text.empty()) {
    std::int64_t number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
      number = number * 10 + (text[digits] - '0');
      if (number > kMost) return std::nullopt;
    }
    if (digits == 0 || digits == text.size() || seconds_of(text[digits]) == 0) return std::nullopt;
    total += number * seconds_of(text[digits]);
    if (total > kMost) return std::nullopt;
    text.remove_prefix(digits + 1);
  }
  return std::chrono::seconds(total);
}

std::optional<std::chrono::seconds> grace_of(std::string_view text) {
  return text == kNever ? std::nullopt : duration_of(text);
}

Result<void> need_writable(const Values& values) {
  if (!values.read_only_registry) return {};
  return fail(ErrorCode::read_only, kRegistryReadOnly,
              "the registry is in read-only mode: an administrator ends it in the settings "
              "(readOnlyRegistry)");
}

}  // namespace holdfast::settings
