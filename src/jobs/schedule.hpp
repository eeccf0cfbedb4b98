// When something is to happen again and again: cron with seconds.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kScheduleInvalid = "schedule_invalid";  // invalid

// An immutable value. Times are UTC.
class Schedule {
 public:
  // Six fields: second minute hour day-of-month month day-of-week. Each is *, ?, a number, a range
  // a-b, with a step behind it (*/5, 10-30/5, 10/5: from 10 on), or a list of those by commas.
  // Months and days have names (JAN, mon; any case), Sunday is 0 and 7. When neither day field
  // begins with *, one of them is enough, as cron has it. Or one word: @yearly, @annually,
  // @monthly, @weekly, @daily, @midnight, @hourly, or @every and a duration ("@every 15m", of a
  // second to 10 years). invalid/kScheduleInvalid, with a sentence that names the field, also for
  // what never comes, such as 30 February.
  static Result<Schedule> parse(std::string_view text);

  // The first time after `after`, in whole seconds.
  [[nodiscard]] Timestamp next(Timestamp after) const;

 private:
  using Days = std::chrono::sys_days;
  [[nodiscard]] bool fits(Days day) const;
  [[nodiscard]] std::optional<std::chrono::seconds> time_of_day(std::chrono::seconds from) const;
  [[nodiscard]] std::optional<Timestamp> search(std::chrono::sys_seconds from) const;

  // Bit n: the value n. In the order of the fields.
  std::array<std::uint64_t, 6> fields_{};
  bool both_days_ = false;  // both day fields say something: one is enough
  std::optional<std::chrono::seconds> every_;
};

}  // namespace holdfast::jobs
