#include "jobs/schedule.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fmt/format.h>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "settings/values.hpp"

namespace holdfast::jobs {

namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 12> kMonths = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                      "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays = {"SUN", "MON", "TUE", "WED",
                                                       "THU", "FRI", "SAT"};

enum Place : std::size_t { second, minute, hour, day, month, weekday };

struct Field {
  std::string_view name;
  unsigned least;
  unsigned most;
  std::span<const std::string_view> names;  // the first one is `least`
};
constexpr std::array<Field, 6> kFields = {{
    {"second", 0, 59, {}},
    {"minute", 0, 59, {}},
    {"hour", 0, 23, {}},
    {"day of month", 1, 31, {}},
    {"month", 1, 12, kMonths},
    {"day of week", 0, 7, kWeekdays},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kWords = {{
    {"@yearly", "0 0 0 1 1 *"},
    {"@annually", "0 0 0 1 1 *"},
    {"@monthly", "0 0 0 1 * *"},
    {"@weekly", "0 0 0 * * 0"},
    {"@daily", "0 0 0 * * *"},
    {"@midnight", "0 0 0 * * *"},
    {"@hourly", "0 0 * * * *"},
}};

// 29 February is at most eight years away (around 2100).
constexpr int kDaysAhead = 8 * 366 + 1;

Error wrong(std::string message) {
  return fail(ErrorCode::invalid, kScheduleInvalid, std::move(message));
}

Error wrong(const Field& field, std::string_view text) {
  return wrong(
      fmt::format("\"{}\" is no {}: it must be *, a number from {} to {}, a range, with a "
                  "step, or a list of those",
                  text, field.name, field.least, field.most));
}

std::optional<unsigned> number_in(std::string_view text) {
  unsigned number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::toupper(x) == std::toupper(y); });
}

std::optional<unsigned> value_in(const Field& field, std::string_view text) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (same_word(field.names[i], text)) return field.least + static_cast<unsigned>(i);
  }
  const auto number = number_in(text);
  if (!number || *number < field.least || *number > field.most) return std::nullopt;
  return number;
}

struct Range {
  unsigned first;
  unsigned last;
};

// Without its step; `open`: whether a step makes it reach to the end.
std::optional<Range> range_in(const Field& field, std::string_view text, bool open) {
  if (text == "*" || text == "?") {
    // Sunday once.
    return Range{field.least, &field == &kFields[weekday] ? 6 : field.most};
  }
  const std::size_t dash = text.find('-');
  const auto first = value_in(field, text.substr(0, dash));
  if (!first) return std::nullopt;
  if (dash == std::string_view::npos) {
    return Range{*first, open ? field.most : *first};
  }
  const auto last = value_in(field, text.substr(dash + 1));
  if (!last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

Result<std::uint64_t> part_in(const Field& field, std::string_view text) {
  const std::size_t slash = text.find('/');
  const bool has_step = slash != std::string_view::npos;
  const auto range = range_in(field, text.substr(0, slash), has_step);
  const auto step = has_step ? number_in(text.substr(slash + 1)) : 1U;
  if (!range || !step || *step == 0 || *step > field.most) return wrong(field, text);
  std::uint64_t values = 0;
  for (unsigned value = range->first; value <= range->last; value += *step) {
    values |= 1ULL << value;
  }
  return values;
}

Result<std::uint64_t> field_in(const Field& field, std::string_view text) {
  std::uint64_t values = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    HF_TRY(const std::uint64_t part, part_in(field, text.substr(0, comma)));
    values |= part;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  constexpr std::uint64_t kSeven = 1U << 7U;
  if (&field == &kFields[weekday] && (values & kSeven) != 0) values = (values & ~kSeven) | 1U;
  return values;
}

std::vector<std::string_view> words_in(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlank, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlank, end);
  }
  return words;
}

Result<std::chrono::seconds> every_in(std::span<const std::string_view> words) {
  constexpr std::chrono::hours kLongest{10 * 366 * 24};
  const auto duration = words.size() == 2 ? settings::duration_of(words[1]) : std::nullopt;
  if (duration && duration->count() > 0 && *duration <= kLongest) return *duration;
  return wrong("behind @every must be a duration of a second to ten years, such as \"15m\"");
}

bool has(std::uint64_t values, unsigned value) { return ((values >> value) & 1U) != 0; }

}  // namespace

Result<Schedule> Schedule::parse(std::string_view text) {
  constexpr std::size_t kBytesAtMost = 256;
  if (text.size() > kBytesAtMost) return wrong("a schedule has at most 256 bytes");
  auto words = words_in(text);
  Schedule schedule;
  if (!words.empty() && words[0] == "@every") {
    HF_TRY(schedule.every_, every_in(words));
    return schedule;
  }
  if (words.size() == 1) {
    for (const auto& [word, meaning] : kWords) {
      if (words[0] == word) return parse(meaning);
    }
  }
  if (words.size() != kFields.size()) {
    return wrong(
        "a schedule has six fields, \"second minute hour day-of-month month day-of-week\", or is "
        "one of @yearly, @monthly, @weekly, @daily, @hourly and \"@every 15m\"");
  }
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    HF_TRY(schedule.fields_[i], field_in(kFields[i], words[i]));
  }
  const auto is_any = [](std::string_view word) { return word[0] == '*' || word[0] == '?'; };
  schedule.both_days_ = !is_any(words[day]) && !is_any(words[weekday]);
  // The 400 years of the calendar differ in where 29 February is; this is far from a gap of eight.
  constexpr sys_seconds kAnyTime = sys_days(std::chrono::year(2001) / 1 / 1);
  if (schedule.search(kAnyTime)) return schedule;
  return wrong(fmt::format("\"{}\" never comes: no such month has such a day", text));
}

bool Schedule::fits(Days days) const {
  const std::chrono::year_month_day date(days);
  if (!has(fields_[month], static_cast<unsigned>(date.month()))) return false;
  const bool day_fits = has(fields_[day], static_cast<unsigned>(date.day()));
  const bool weekday_fits = has(fields_[weekday], std::chrono::weekday(days).c_encoding());
  return both_days_ ? day_fits || weekday_fits : day_fits && weekday_fits;
}

// The first time of day that is not before `from`.
std::optional<std::chrono::seconds> Schedule::time_of_day(std::chrono::seconds from) const {
  const auto start = std::chrono::hh_mm_ss(from);
  const auto first_hour = static_cast<unsigned>(start.hours().count());
  const auto first_minute = static_cast<unsigned>(start.minutes().count());
  const auto first_second = static_cast<unsigned>(start.seconds().count());
  for (unsigned h = first_hour; h <= kFields[hour].most; ++h) {
    if (!has(fields_[hour], h)) continue;
    const bool same_hour = h == first_hour;
    for (unsigned m = same_hour ? first_minute : 0; m <= kFields[minute].most; ++m) {
      if (!has(fields_[minute], m)) continue;
      const bool same_minute = same_hour && m == first_minute;
      for (unsigned s = same_minute ? first_second : 0; s <= kFields[second].most; ++s) {
        if (has(fields_[second], s)) {
          return std::chrono::hours(h) + std::chrono::minutes(m) + std::chrono::seconds(s);
        }
      }
    }
  }
  return std::nullopt;
}

std::optional<Timestamp> Schedule::search(std::chrono::sys_seconds from) const {
  const Days first = std::chrono::floor<std::chrono::days>(from);
  for (Days days = first; days < first + std::chrono::days(kDaysAhead);
       days += std::chrono::days(1)) {
    if (!fits(days)) continue;
    const auto time = time_of_day(days == first ? from - first : std::chrono::seconds(0));
    if (time) return Timestamp(days + *time);
  }
  return std::nullopt;
}

Timestamp Schedule::next(Timestamp after) const {
  const sys_seconds from = std::chrono::floor<std::chrono::seconds>(after);
  if (every_) return from + *every_;
  const auto found = search(from + std::chrono::seconds(1));
  // parse() has seen that it comes; the most distant time stands for a calendar that ends.
  return found.value_or(Timestamp::max());
}

}  // namespace holdfast::jobs
