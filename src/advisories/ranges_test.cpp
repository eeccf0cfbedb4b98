#include "advisories/ranges.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace holdfast::advisories {
namespace {

using versions::Scheme;

// The rules of OSV's schema, word by word.
bool by_the_book(Scheme scheme, const Affected& affected, const std::string& version) {
  for (const std::string& one : affected.versions) {
    if (one == version) return true;
  }
  for (std::vector<Event> events : affected.ranges) {
    std::ranges::sort(events, [&](const Event& a, const Event& b) {
      if (a.version == "0" || b.version == "0") return a.version == "0" && b.version != "0";
      return versions::compare(scheme, a.version, b.version) < 0;
    });
    bool is_affected = false;
    for (const Event& event : events) {
      const bool reached =
          event.version == "0" || versions::compare(scheme, event.version, version) <= 0;
      if (event.kind == Event::Kind::introduced && reached) is_affected = true;
      if (event.kind == Event::Kind::fixed && reached) is_affected = false;
      if (event.kind == Event::Kind::last_affected && reached && event.version != version) {
        is_affected = false;
      }
    }
    if (is_affected) return true;
  }
  return false;
}

TEST(Judge, AsTheSchemaSays) {
  std::mt19937 random(7);
  const auto any = [&](std::size_t count) { return random() % count; };
  for (int round = 0; round < 20'000; ++round) {
    Affected affected;
    std::set<std::string> used;
    for (std::size_t i = 0; i < 1 + any(2); ++i) {
      std::vector<Event> range = {{Event::Kind::introduced, any(2) == 0 ? "0" : "1.0.0"}};
      for (std::size_t n = 0; n < any(4); ++n) {
        const std::string version = fmt::format("{}.{}.0", 1 + any(4), 1 + any(5));
        if (!used.insert(version).second) continue;
        const Event::Kind kinds[] = {Event::Kind::introduced, Event::Kind::fixed,
                                     Event::Kind::last_affected};
        range.push_back({kinds[any(3)], version});
      }
      affected.ranges.push_back(std::move(range));
    }
    if (any(3) == 0) affected.versions.push_back(fmt::format("{}.0.0", any(6)));
    const Affected stored = unpack(pack(affected));
    for (int n = 0; n < 5; ++n) {
      const std::string version = fmt::format("{}.{}.0", any(6), any(6));
      ASSERT_EQ(judge(Scheme::semver, stored, version).is_affected,
                by_the_book(Scheme::semver, affected, version))
          << pack(affected) << " " << version;
    }
  }
}

TEST(Judge, EventsInAnyOrderAndLimits) {
  const Affected affected{.ranges = {{{Event::Kind::fixed, "2.0.0"},
                                      {Event::Kind::introduced, "0"},
                                      {Event::Kind::limit, "1.5.0"}}}};
  EXPECT_TRUE(judge(Scheme::semver, affected, "1.0.0").is_affected);
  EXPECT_EQ(judge(Scheme::semver, affected, "1.0.0").fixed_version, "2.0.0");
  EXPECT_FALSE(judge(Scheme::semver, affected, "1.6.0").is_affected);
}

}  // namespace
}  // namespace holdfast::advisories
