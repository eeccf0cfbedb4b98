#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "cvss/score.hpp"

namespace holdfast::cvss {
namespace {

struct Known {
  std::string_view vector;
  Version version;
  int tenths;
};

// Published with their scores: FIRST's examples, NVD, and the reference calculator of 4.0.
constexpr Known kKnown[] = {
    {"AV:N/AC:L/Au:N/C:N/I:N/A:C", Version::v2, 78},   // CVE-2002-0392
    {"AV:N/AC:L/Au:N/C:C/I:C/A:C", Version::v2, 100},  // CVE-2003-0818
    {"AV:L/AC:H/Au:N/C:C/I:C/A:C", Version::v2, 62},   // CVE-2003-0062
    {"(AV:N/AC:M/Au:N/C:P/I:P/A:P)", Version::v2, 68},
    {"AV:N/AC:L/Au:N/C:P/I:N/A:N/E:F/RL:OF/RC:C", Version::v2, 50},
    {"AV:N/AC:L/Au:N/C:N/I:N/A:N", Version::v2, 0},
    {"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Version::v3_0, 98},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Version::v3_1, 98},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Version::v3_1, 100},  // CVE-2021-44228
    {"CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", Version::v3_0,
     64},  // CVE-2013-1937 and others
    {"CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", Version::v3_0, 31},  // CVE-2014-3566
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", Version::v3_1, 75},  // CVE-2014-0160
    {"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Version::v3_1, 78},
    {"CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L/E:U/RL:O/RC:C", Version::v3_1, 16},
    {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Version::v3_1, 0},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", Version::v4_0, 100},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Version::v4_0, 93},
    {"CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Version::v4_0, 85},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N", Version::v4_0, 69},
    {"CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Version::v4_0, 73},
    {"CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Version::v4_0, 77},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Version::v4_0, 0},
    {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N/E:U/U:Amber", Version::v4_0,
     88},
};

TEST(Score, OfPublishedVectors) {
  for (const auto& [vector, version, tenths] : kKnown) {
    const auto found = score(vector);
    ASSERT_TRUE(found) << vector;
    EXPECT_EQ(found->version, version) << vector;
    EXPECT_EQ(found->tenths, tenths) << vector;
  }
}

TEST(Score, WhatIsNoVectorHasNone) {
  for (const std::string_view text :
       {"", "7.5", "CVSS:3.1/", "CVSS:3.1", "CVSS:3.2/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/XX:1", "AV:N/AC:L/Au:N/C:N/I:N",
        "(AV:N/AC:L/Au:N/C:N/I:N/A:C", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A: H"}) {
    EXPECT_FALSE(score(text)) << text;
  }
}

// A worse value of one metric never makes the score of 4.0 fall.
TEST(Score, OfVersion4GoesDownWithEveryMetric) {
  const std::vector<std::pair<std::string, std::string>> metrics = {
      {"AV", "NALP"}, {"AC", "LH"},  {"AT", "NP"},  {"PR", "NLH"}, {"UI", "NPA"}, {"VC", "HLN"},
      {"VI", "HLN"},  {"VA", "HLN"}, {"SC", "HLN"}, {"SI", "HLN"}, {"SA", "HLN"}};
  std::size_t all = 1;
  for (const auto& [name, values] : metrics) all *= values.size();
  const auto vector_of = [&](std::size_t number, std::size_t bumped) {
    std::string vector = "CVSS:4.0";
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      const auto& [name, values] = metrics[i];
      std::size_t at = number % values.size();
      number /= values.size();
      if (i == bumped && at + 1 < values.size()) ++at;
      vector += "/" + name + ":" + values[at];
    }
    return vector;
  };
  for (std::size_t number = 0; number < all; number += 7) {
    const auto here = score(vector_of(number, metrics.size()));
    ASSERT_TRUE(here);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      const auto below = score(vector_of(number, i));
      ASSERT_TRUE(below);
      ASSERT_LE(below->tenths, here->tenths) << vector_of(number, i);
    }
  }
}

TEST(Severity, ByTheScaleOfCvss3) {
  EXPECT_EQ(severity(0), Severity::none);
  EXPECT_EQ(severity(1), Severity::low);
  EXPECT_EQ(severity(39), Severity::low);
  EXPECT_EQ(severity(40), Severity::medium);
  EXPECT_EQ(severity(69), Severity::medium);
  EXPECT_EQ(severity(70), Severity::high);
  EXPECT_EQ(severity(90), Severity::critical);
  EXPECT_EQ(name(Severity::critical), "critical");
}

}  // namespace
}  // namespace holdfast::cvss
