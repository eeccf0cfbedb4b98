#include "jobs/schedule.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace holdfast::jobs {
namespace {

using namespace std::chrono_literals;

Timestamp at(std::string_view text) { return parse_rfc3339(text).value(); }

std::string next_of(std::string_view schedule, std::string_view after) {
  return rfc3339(Schedule::parse(schedule).value().next(at(after))).substr(0, 19);
}

TEST(Schedule, NextTimesThatPeopleKnow) {
  constexpr std::string_view kNow = "2026-11-25T14:50:31.5Z";  // a Wednesday
  EXPECT_EQ(next_of("* * * * * *", kNow), "2026-11-25T14:50:32");
  EXPECT_EQ(next_of("0 0 3 * * *", kNow), "2026-11-26T03:00:00");
  EXPECT_EQ(next_of("0 30 1 * * 6", kNow), "2026-11-28T01:30:00");
  EXPECT_EQ(next_of("0 30 1 * * SUN", kNow), "2026-11-29T01:30:00");
  EXPECT_EQ(next_of("0 30 1 * * 7", kNow), "2026-11-29T01:30:00");
  EXPECT_EQ(next_of("0 30 1 ? * mon-FRI", kNow), "2026-11-26T01:30:00");
  EXPECT_EQ(next_of("0 0 0 29 feb *", kNow), "2028-02-29T00:00:00");
  EXPECT_EQ(next_of("0 0 0 29 2 *", "2096-03-01T00:00:00Z"), "2104-02-29T00:00:00");
  EXPECT_EQ(next_of("10/20 */15 8-10/2 * * *", kNow), "2026-11-26T08:00:10");
  EXPECT_EQ(next_of("0 0 0 1 * mon", kNow), "2026-11-30T00:00:00");  // one of the two is enough
  EXPECT_EQ(next_of("59 59 23 31 12 *", "2026-12-31T23:59:59Z"), "2027-12-31T23:59:59");
}

TEST(Schedule, Words) {
  constexpr std::string_view kNow = "2026-11-25T14:50:31Z";
  EXPECT_EQ(next_of("@hourly", kNow), "2026-11-25T15:00:00");
  EXPECT_EQ(next_of("@daily", kNow), "2026-11-26T00:00:00");
  EXPECT_EQ(next_of("@weekly", kNow), "2026-11-29T00:00:00");
  EXPECT_EQ(next_of("@monthly", kNow), "2026-12-01T00:00:00");
  EXPECT_EQ(next_of("@yearly", kNow), "2027-01-01T00:00:00");
  EXPECT_EQ(next_of("@every 15m", kNow), "2026-11-25T15:05:31");
  EXPECT_EQ(next_of(" @every  90s ", kNow), "2026-11-25T14:52:01");
}

TEST(Schedule, RefusesWhatNeverComesOrIsNone) {
  for (const char* text : {"",
                           "@never",
                           "@every",
                           "@every 0s",
                           "@every x",
                           "@every 1m 2m",
                           "* * * * *",
                           "* * * * * * *",
                           "60 * * * * *",
                           "* 60 * * * *",
                           "* * 24 * * *",
                           "* * * 0 * *",
                           "* * * 32 * *",
                           "* * * * 0 *",
                           "* * * * 13 *",
                           "* * * * * 8",
                           "*/0 * * * * *",
                           "-1 * * * * *",
                           "5-3 * * * * *",
                           "1,,2 * * * * *",
                           ", * * * * *",
                           "1- * * * * *",
                           "a * * * * *",
                           "* * * * monday *",
                           "*/99999999999 * * * * *",
                           "0 0 0 30 feb *",
                           "0 0 0 31 4,6,9,11 *",
                           "1/ * * * * *",
                           "1/2/3 * * * * *",
                           "** * * * * *"}) {
    const auto schedule = Schedule::parse(text);
    ASSERT_FALSE(schedule) << text;
    EXPECT_EQ(schedule.error().reason, kScheduleInvalid) << text;
  }
  EXPECT_EQ(Schedule::parse("0 0 24 * * *").error().message,
            "\"24\" is no hour: it must be *, a number from 0 to 23, a range, with a step, or a "
            "list of those");
  EXPECT_FALSE(Schedule::parse(std::string(10'000, '*')));
}

// A schedule of its own making, so that what it means is known without parsing it.
struct Made {
  std::string text;
  std::vector<std::vector<bool>> fields;
  bool any_day = false;
  bool any_weekday = false;
};

class Maker {
 public:
  explicit Maker(unsigned seed) : engine_(seed) {}
  int number(int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(engine_);
  }
  std::string field(int least, int most, std::vector<bool>& values, bool& any) {
    values.assign(static_cast<std::size_t>(most) + 1, false);
    any = number(0, 2) == 0;
    if (any) {
      const int step = number(1, 4) == 1 ? number(1, most) : 1;
      for (int v = least; v <= most; v += step) values[static_cast<std::size_t>(v)] = true;
      return step == 1 ? "*" : fmt::format("*/{}", step);
    }
    std::string text;
    for (int parts = number(1, 3); parts > 0; --parts) {
      const int first = number(least, most);
      const int last = number(0, 1) == 0 ? first : number(first, most);
      const int step = first == last ? 1 : number(1, 3);
      for (int v = first; v <= last; v += step) values[static_cast<std::size_t>(v)] = true;
      text += text.empty() ? "" : ",";
      text += first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
      if (step != 1) text += fmt::format("/{}", step);
    }
    return text;
  }
  Made schedule() {
    Made made;
    made.fields.resize(6);
    constexpr int kBounds[6][2] = {{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}};
    for (std::size_t i = 0; i < 6; ++i) {
      bool any = false;
      made.text += (i == 0 ? "" : " ") + field(kBounds[i][0], kBounds[i][1], made.fields[i], any);
      if (i == 3) made.any_day = any;
      if (i == 5) made.any_weekday = any;
    }
    return made;
  }

 private:
  std::mt19937 engine_;
};

bool day_fits(const Made& made, std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  const bool by_day = made.fields[3][static_cast<unsigned>(date.day())];
  const bool by_weekday = made.fields[5][std::chrono::weekday(day).c_encoding()];
  const bool either = !made.any_day && !made.any_weekday;
  return made.fields[4][static_cast<unsigned>(date.month())] &&
         (either ? by_day || by_weekday : by_day && by_weekday);
}

bool second_fits(const Made& made, unsigned second) {
  return made.fields[2][second / 3600] && made.fields[1][second / 60 % 60] &&
         made.fields[0][second % 60];
}

// Every second of every day, one after the other.
std::optional<Timestamp> by_brute_force(const Made& made, Timestamp after) {
  auto now = std::chrono::floor<std::chrono::seconds>(after) + 1s;
  const auto end = now + std::chrono::days(3000);
  while (now < end) {
    const auto day = std::chrono::floor<std::chrono::days>(now);
    if (!day_fits(made, day)) {
      now = day + std::chrono::days(1);
    } else if (second_fits(made, static_cast<unsigned>((now - day).count()))) {
      return Timestamp(now);
    } else {
      now += 1s;
    }
  }
  return std::nullopt;
}

TEST(Schedule, NextIsWhatBruteForceFinds) {
  Maker maker(7);
  for (int round = 0; round < 300; ++round) {
    const Made made = maker.schedule();
    const auto schedule = Schedule::parse(made.text);
    Timestamp now = at("2026-01-01T00:00:00Z") + std::chrono::days(maker.number(0, 3000)) +
                    std::chrono::seconds(maker.number(0, 86'399)) + 400ms;
    for (int step = 0; step < 3; ++step) {
      const auto wanted = by_brute_force(made, now);
      ASSERT_EQ(schedule.has_value(), wanted.has_value()) << made.text;
      if (!wanted) break;
      const Timestamp found = schedule->next(now);
      ASSERT_EQ(rfc3339(found), rfc3339(*wanted)) << made.text << " after " << rfc3339(now);
      now = found;
    }
  }
}

}  // namespace
}  // namespace holdfast::jobs
