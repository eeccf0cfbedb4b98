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
