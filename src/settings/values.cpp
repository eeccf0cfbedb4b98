#include "settings/values.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <variant>

namespace holdfast::settings {

namespace {

using Member = std::variant<bool Values::*, std::int64_t Values::*, std::string Values::*>;

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

constexpr std::array<Field, 22> kFields = {{
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
    std::visit([&](auto member) { object.emplace(field.name, values.*member); }, field.member);
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
