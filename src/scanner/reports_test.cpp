#include "scanner/reports.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::scanner {
namespace {

using packages::Package;
using packages::Type;

// Says the same of every package.
class OneAnswer final : public advisories::Database {
 public:
  explicit OneAnswer(std::size_t matches) {
    advisories::Answer answer{.coverage = advisories::Coverage::covered};
    for (std::size_t i = 0; i < matches; ++i) {
      answer.matches.push_back({.id = fmt::format("CVE-2026-{}", i)});
    }
    answer_ = std::make_shared<const advisories::Answer>(std::move(answer));
  }
  [[nodiscard]] const advisories::Info& info() const override { return info_; }
  Result<std::shared_ptr<const advisories::Answer>> match(
      const Package& /*package*/, const packages::Release* /*release*/) override {
    return answer_;
  }
  Result<std::optional<advisories::Advisory>> find(std::string_view /*id*/) override {
    return std::optional<advisories::Advisory>();
  }

 private:
  advisories::Info info_{};
  std::shared_ptr<const advisories::Answer> answer_;
};

// An image of one layer with so many packages.
Result<ImageReport> joined(std::size_t packages, advisories::Database* database) {
  StoredLayer layer;
  Image image;
  image.layers.resize(1);
  for (std::uint32_t i = 0; i < packages; ++i) {
    layer.report.packages.push_back(
        {.type = Type::npm, .name = fmt::format("p{}", i), .version = "1", .path = "a"});
    image.layers[0].push_back({.package = i, .is_present = true});
  }
  const auto digest = oci::Digest::parse("sha256:" + std::string(64, 'a'));
  return join(*digest, image, {*digest}, {std::move(layer)}, database);
}

TEST(Join, EveryFindingCounts) {
  OneAnswer database(3);
  const auto report = joined(5, &database);
  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(report->counts.unknown, 15);
  EXPECT_EQ(report->components.size(), 5U);
  EXPECT_EQ(report->components.front().matches().size(), 3U);
}

TEST(Join, WithoutAdvisoriesNothingWasLookedUp) {
  const auto report = joined(2, nullptr);
  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(report->components.front().answer, nullptr);
  EXPECT_TRUE(report->components.front().matches().empty());
}

TEST(Join, MorePackagesThanAnyImageHasAreRefused) {
  EXPECT_TRUE(joined(kComponentsAtMost, nullptr));
  const auto report = joined(kComponentsAtMost + 1, nullptr);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().reason, kImageTooLarge);
}

TEST(Join, MoreFindingsThanAnyoneReadsAreRefused) {
  OneAnswer thousand(1000);
  EXPECT_TRUE(joined(kFindingsAtMost / 1000, &thousand));
  const auto report = joined(kFindingsAtMost / 1000 + 1, &thousand);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().reason, kImageTooLarge);
}

}  // namespace
}  // namespace holdfast::scanner
