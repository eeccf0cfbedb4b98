#include "api/common/limits.hpp"

#include <chrono>
#include <gtest/gtest.h>

#include "base/clock.hpp"

namespace holdfast::api {
namespace {

using namespace std::chrono_literals;

TEST(Limits, ARateHasABurstAndFillsUpAgain) {
  ManualClock clock{Timestamp(std::chrono::hours(1000))};
  Limits limits({.requests_per_address = 5}, clock);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limits.admit_address("192.0.2.1")) << i;
  const auto refused = limits.admit_address("192.0.2.1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::rate_limited);
  EXPECT_EQ(refused.error().reason, kTooManyRequests);
  EXPECT_EQ(refused.error().details, std::vector<std::string>{"1"});
  EXPECT_TRUE(limits.admit_address("192.0.2.2"));
  clock.advance(1s);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.admit_address("192.0.2.1")) << i;
  EXPECT_FALSE(limits.admit_address("192.0.2.1"));
  clock.advance(-3600s);
  EXPECT_FALSE(limits.admit_address("192.0.2.1"));
  clock.advance(1s);
  EXPECT_TRUE(limits.admit_address("192.0.2.1"));
  EXPECT_EQ(limits.met()[0].times, 3U);
}

TEST(Limits, UsersAreApartAndWithoutALimitNothingIsRefused) {
  ManualClock clock{Timestamp(std::chrono::hours(1000))};
  Limits limits({.requests_per_user = 1}, clock);
  EXPECT_TRUE(limits.admit_user(1));
  EXPECT_TRUE(limits.admit_user(1));
  EXPECT_FALSE(limits.admit_user(1));
  EXPECT_TRUE(limits.admit_user(2));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limits.admit_address("192.0.2.1"));
}

TEST(Limits, MoreAddressesThanAreRememberedCostNoMemory) {
  ManualClock clock{Timestamp(std::chrono::hours(1000))};
  Limits limits({.requests_per_address = 1}, clock);
  for (int i = 0; i < 200'000; ++i) EXPECT_TRUE(limits.admit_address(std::to_string(i)));
}

TEST(Limits, UploadsAndTheirBytesCountWhileTheyLast) {
  ManualClock clock{Timestamp(std::chrono::hours(1000))};
  Limits limits({.uploads_per_user = 2, .upload_bytes_per_user = 100}, clock);
  auto first = limits.begin_upload(7);
  ASSERT_TRUE(first);
  {
    auto second = limits.begin_upload(7);
    ASSERT_TRUE(second);
    EXPECT_EQ(limits.begin_upload(7).error().reason, kTooManyUploads);
    EXPECT_TRUE(limits.begin_upload(8));
    EXPECT_TRUE(second->received(60));
    EXPECT_EQ(first->received(41).error().reason, kTooManyBytes);
    EXPECT_TRUE(first->received(40));
  }
  EXPECT_TRUE(limits.begin_upload(7));
  EXPECT_TRUE(first->received(60));
  EXPECT_FALSE(first->received(1));
}

}  // namespace
}  // namespace holdfast::api
