#include "base/clock.hpp"

#include <array>
#include <fmt/format.h>

namespace holdfast {

namespace {

struct Civil {
  int year;
  unsigned month, day;
  unsigned weekday;  // Sunday is 0
  std::int64_t hours, minutes, seconds, micros;
};

Civil civil(Timestamp when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          std::chrono::weekday(day).c_encoding(),
          time.hours().count(),
          time.minutes().count(),
          time.seconds().count(),
          time.subseconds().count()};
}

// Takes `count` digits, and what must follow them, from the front.
std::optional<int> take(std::string_view& text, std::size_t count, std::string_view then) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(count);
  if (!text.starts_with(then)) return std::nullopt;
  text.remove_prefix(then.size());
  return number;
}

// ".123456789", or nothing at all, from the front.
std::optional<std::chrono::microseconds> take_fraction(std::string_view& text) {
  std::chrono::microseconds::rep micros = 0;
  if (!text.starts_with('.')) return std::chrono::microseconds(0);
  text.remove_prefix(1);
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (digits < 6) micros = micros * 10 + (text[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  for (std::size_t i = digits; i < 6; ++i) micros *= 10;
  text.remove_prefix(digits);
  return std::chrono::microseconds(micros);
}

// "Z" or "+01:30": all that is left.
std::optional<std::chrono::minutes> take_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes(0);
  if (!text.starts_with('+') && !text.starts_with('-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take(text, 2, ":");
  const auto minutes = hours ? take(text, 2, "") : std::nullopt;
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return std::chrono::minutes(sign * (*hours * 60 + *minutes));
}

}  // namespace

Timestamp SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

Timestamp ManualClock::now() const { return now_.load(); }

void ManualClock::advance(std::chrono::microseconds by) { now_.store(now_.load() + by); }

std::string rfc3339(Timestamp when) {
  const Civil c = civil(when);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", c.year, c.month, c.day, c.hours,
                     c.minutes, c.seconds, c.micros);
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  const auto year = take(text, 4, "-");
  const auto month = year ? take(text, 2, "-") : std::nullopt;
  const auto day = month ? take(text, 2, "") : std::nullopt;
  if (!day || text.empty() || std::string_view("Tt ").find(text.front()) == std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take(text, 2, ":");
  const auto minute = hour ? take(text, 2, ":") : std::nullopt;
  const auto second = minute ? take(text, 2, "") : std::nullopt;
  const auto fraction = second ? take_fraction(text) : std::nullopt;
  const auto offset = fraction ? take_offset(text) : std::nullopt;
  if (!offset || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return Timestamp(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second) + *fraction - *offset;
}

std::string http_date(Timestamp when) {
  static constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                            "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Civil c = civil(when);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays.at(c.weekday), c.day,
                     kMonths.at(c.month - 1), c.year, c.hours, c.minutes, c.seconds);
}

}  // namespace holdfast
