#include "feeds/feed.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::feeds {
namespace {

const Timestamp kNow = *parse_rfc3339("2026-01-01T00:00:00Z");

TEST(FeedTest, WithoutASettingTheDefaultOnes) {
  const auto feeds = all({}, kNow);
  const auto with = [&](std::string_view name) {
    const auto found = std::ranges::find(feeds, name, &Feed::name);
    return found == feeds.end() ? std::string("missing") : found->url;
  };
  EXPECT_EQ(with("Rocky Linux"),
            "https://osv-vulnerabilities.storage.googleapis.com/Rocky%20Linux/all.zip");
  EXPECT_EQ(with("nvd 2002"), "https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-2002.json.gz");
  EXPECT_EQ(with("nvd 2026"), "https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-2026.json.gz");
  EXPECT_EQ(with("nvd 2027"), "missing");
  EXPECT_THAT(with("kev"), testing::StartsWith("https://www.cisa.gov/"));
}

TEST(FeedTest, ASettingTakesThePlaceOfThemAll) {
  const auto feeds = all({{"one", "https://mirror.example/a.zip", "osv"},
                          {"more", "https://mirror.example/{year}/{year}.json.xz", "nvd"}},
                         kNow);
  ASSERT_EQ(feeds.size(), 1U + 2026 - 2002 + 1);
  EXPECT_EQ(feeds[0].kind, Kind::osv);
  EXPECT_EQ(feeds.back().name, "more 2026");
  EXPECT_EQ(feeds.back().url, "https://mirror.example/2026/2026.json.xz");
  EXPECT_EQ(feeds.back().kind, Kind::nvd);
}

}  // namespace
}  // namespace holdfast::feeds
