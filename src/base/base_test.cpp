#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>
#include <set>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/snapshot.hpp"

namespace holdfast {
namespace {

constexpr std::string_view kReason = "reason";

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid, kReason, "odd", {"detail"});
  return number / 2;
}

Result<int> quarter(int number) {
  HF_TRY(const int once, half(number));
  HF_CHECK(half(once));
  return half(once);
}

TEST(Result, CarriesValueOrError) {
  EXPECT_EQ(quarter(8).value(), 2);
  const auto failed = quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(describe(failed.error()), "invalid/reason: odd (detail)");
}

TEST(Clock, PrintsBothForms) {
  const Timestamp when = from_micros(1'763'958'690'123'456);
  EXPECT_EQ(rfc3339(when), "2025-11-24T04:31:30.123456Z");
  EXPECT_EQ(http_date(when), "Mon, 24 Nov 2025 04:31:30 GMT");
  EXPECT_EQ(to_micros(when), 1'763'958'690'123'456);
}

TEST(Clock, ManualMovesOnlyByHand) {
  ManualClock clock(from_micros(5));
  EXPECT_EQ(to_micros(clock.now()), 5);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(to_micros(clock.now()), 2'000'005);
}

TEST(Random, UuidsHaveVersionAndVariantAndDiffer) {
  SystemRandom random;
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string id = uuid(random);
    EXPECT_TRUE(std::regex_match(id, form)) << id;
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(Random, PasswordsHoldNothingThatPeopleMistake) {
  SystemRandom random;
  const std::string text = password(random, 2000);
  EXPECT_EQ(text.size(), 2000U);
  EXPECT_EQ(text.find_first_of("0O1lI"), std::string::npos);
  EXPECT_EQ(std::set<char>(text.begin(), text.end()).size(), 57U);
  EXPECT_EQ(random_hex(random, 16).size(), 32U);
}

TEST(Log, AHostileValueCannotForgeALine) {
  log::configure(log::Level::info, log::Format::text);
  testing::internal::CaptureStderr();
  log::warn("login failed", {{"user", "eve\n2026 INFO login ok"}, {"tries", std::int64_t{3}}});
  log::debug("not shown");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text,
              testing::HasSubstr(R"(warn  login failed  user="eve\n2026 INFO login ok"  tries=3)"));
}

TEST(Log, JsonLinesAreJson) {
  log::configure(log::Level::debug, log::Format::json);
  testing::internal::CaptureStderr();
  log::info("served", {{"path", "/v2/\"x\""}, {"ms", 1.5}});
  const std::string text = testing::internal::GetCapturedStderr();
  log::configure(log::Level::info, log::Format::text);
  EXPECT_THAT(
      text, testing::EndsWith(R"("level":"info","message":"served","path":"/v2/\"x\"","ms":1.500})"
                              "\n"));
}

TEST(Log, ALineFitsIntoAPipe) {
  testing::internal::CaptureStderr();
  log::info("served", {{"path", std::string(20'000, 'a')}});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_LT(text.size(), 1200U);
  EXPECT_THAT(text, testing::EndsWith("aaa...\n"));
}

TEST(Snapshot, ReadersKeepWhatTheyLoaded) {
  Snapshot<int> snapshot(std::make_shared<const int>(1));
  const auto old = snapshot.load();
  snapshot.store(std::make_shared<const int>(2));
  EXPECT_EQ(*old, 1);
  EXPECT_EQ(*snapshot.load(), 2);
}

TEST(Clock, ReadsWhatItWrites) {
  const Timestamp when = from_micros(1'764'073'000'123'456);
  EXPECT_EQ(parse_rfc3339(rfc3339(when)), when);
  EXPECT_EQ(parse_rfc3339("2025-11-25T13:46:40.1234569+01:30"), parse_rfc3339(rfc3339(when)));
  EXPECT_EQ(parse_rfc3339("1970-01-01t00:00:00z"), from_micros(0));
  EXPECT_EQ(rfc3339(*parse_rfc3339("0001-01-01T00:00:00Z")), "0001-01-01T00:00:00.000000Z");
  for (const char* bad :
       {"", "now", "2025", "2025-11-25", "2025-11-25T13:46:40", "2025-11-25T13:46Z",
        "2025-13-25T13:46:40Z", "2025-02-30T13:46:40Z", "2025-11-25T24:00:00Z",
        "2025-11-25T13:46:40.Z", "2025-11-25T13:46:40+1:00", "2025-11-25T13:46:40Zx",
        "-025-11-25T13:46:40Z", "2025-11-25T13:46:40+99:00", "1764073000"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast
