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

AttachedReport listed(std::vector<Package> packages) {
  const auto blob = oci::Digest::parse("sha256:" + std::string(64, 'b'));
  return {.blob = *blob, .report = {.packages = std::move(packages)}};
}

Package npm(std::string name, std::string version) {
  return {.type = Type::npm,
          .name = std::move(name),
          .version = std::move(version),
          .path = "sbom.spdx.json",
          .detector = "sbom"};
}

TEST(JoinAttached, OnlyWhatIsNewCounts) {
  OneAnswer database(3);
  const auto image = joined(2, &database);
  ASSERT_TRUE(image) << describe(image.error());
  const auto report = join_attached(
      *image, {listed({npm("p0", "1"), npm("p1", "2"), npm("other", "1")}), listed({})}, &database);
  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(image->counts.unknown, 6);
  EXPECT_EQ(report->counts.unknown, 12);
  ASSERT_EQ(report->components.size(), 4U);
  ASSERT_EQ(report->layers.size(), 3U);
  EXPECT_EQ(report->layers[0].components.size(), 2U);
  ASSERT_EQ(report->layers[1].components.size(), 2U);
  for (const std::uint32_t index : report->layers[1].components) {
    const Component& component = report->components[index];
    EXPECT_EQ(component.package.detector, kAttachedDetector);
    EXPECT_EQ(component.layer, 1U);
    EXPECT_EQ(component.matches().size(), 3U);
  }
}

TEST(JoinAttached, WhatIsTooMuchIsLeftOut) {
  const auto image = joined(kComponentsAtMost - 1, nullptr);
  ASSERT_TRUE(image) << describe(image.error());
  const auto report = join_attached(*image, {listed({npm("a", "1"), npm("b", "1")})}, nullptr);
  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(report->components.size(), kComponentsAtMost);
  EXPECT_EQ(report->layers[1].remarks.size(), 1U);
}

}  // namespace
}  // namespace holdfast::scanner
