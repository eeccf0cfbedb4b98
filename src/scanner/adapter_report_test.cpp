#include "scanner/adapter_report.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::scanner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

oci::Digest digest(char letter) {
  return oci::Digest::parse("sha256:" + std::string(64, letter)).value();
}

std::string report_with(std::string_view items) {
  return fmt::format(
      R"({{"scanner":{{"name":"Trivy","vendor":"Aqua","version":"0.51"}},"vulnerabilities":[{}]}})",
      items);
}

TEST(AdapterReportTest, WhatTheSpecificationShows) {
  const auto report = parse_adapter_report(report_with(R"({
      "id": "CVE-2017-8283", "package": "dpkg", "version": "1.17.27", "fix_version": "1.18.0",
      "severity": "High", "description": "one\ntwo", "purl": "pkg:deb/debian/dpkg@1.17.27",
      "links": ["https://a/b", "javascript:x", 3], "cwe_ids": ["CWE-476"],
      "layer": {"digest": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "diff_id": "sha256:b"},
      "preferred_cvss": {"score_v3": 7.3, "vector_v3": "CVSS:3.1/AV:N", "score_v2": 5},
      "vendor_attributes": {"CVSS": {"nvd": {"V3Score": 7}}}})"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->scanner, (ScannerName{"Trivy", "Aqua", "0.51"}));
  ASSERT_EQ(report->findings.size(), 1U);
  EXPECT_EQ(report->findings[0], (AdapterFinding{.vulnerability = "CVE-2017-8283",
                                                 .package = "dpkg",
                                                 .version = "1.17.27",
                                                 .fixed_version = "1.18.0",
                                                 .type = packages::Type::deb,
                                                 .severity = cvss::Severity::high,
                                                 .score = cvss::Score{cvss::Version::v3_1, 73},
                                                 .vector = "CVSS:3.1/AV:N",
                                                 .summary = "one two",
                                                 .urls = {"https://a/b"},
                                                 .layer = digest('a').text()}));
  EXPECT_EQ(parse_adapter_report(to_json(*report)).value(), *report);
}

TEST(AdapterReportTest, SeveritiesAndScores) {
  const auto finding = [](std::string_view more) {
    return parse_adapter_report(report_with(fmt::format(R"({{"id":"a","package":"b"{}}})", more)))
        .value()
        .findings[0];
  };
  EXPECT_EQ(finding(R"(,"severity":"Negligible")").severity, cvss::Severity::low);
  EXPECT_EQ(finding(R"(,"severity":"CRITICAL")").severity, cvss::Severity::critical);
  EXPECT_EQ(finding(R"(,"severity":"Unknown")").severity, std::nullopt);
  EXPECT_EQ(finding("").severity, std::nullopt);
  EXPECT_EQ(finding(R"(,"severity":9)").severity, std::nullopt);
  EXPECT_EQ(finding(R"(,"preferred_cvss":{"score_v2":5.04,"vector_v2":"AV:N"})").score,
            (cvss::Score{cvss::Version::v2, 50}));
  for (const char* const score : {"-1", "10.1", "1e300", "null", "\"7\"", "[]"}) {
    EXPECT_EQ(finding(fmt::format(R"(,"preferred_cvss":{{"score_v3":{}}})", score)).score,
              std::nullopt)
        << score;
  }
  EXPECT_EQ(finding(R"(,"purl":"pkg:nothing/of/ours")").type, packages::Type::generic);
  EXPECT_EQ(finding(R"(,"layer":{"digest":"../../etc"})").layer, "");
}

TEST(AdapterReportTest, WhatIsNoReport) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{"), std::string("null"),
        std::string(R"({"vulnerabilities":{}})"), report_with("1"), report_with(R"({"id":"a"})"),
        report_with(R"({"package":"a"})"), report_with(R"({"id":7,"package":"a"})"),
        report_with(R"({"id":"","package":"a"})"),
        std::string(R"({"vulnerabilities":)") + std::string(1000, '[')}) {
    const auto report = parse_adapter_report(text);
    ASSERT_FALSE(report) << text;
    EXPECT_EQ(report.error().reason, kAdapterAnswerInvalid) << text;
  }
  EXPECT_THAT(parse_adapter_report("{}").value().findings, IsEmpty());
  EXPECT_THAT(parse_adapter_report(R"({"vulnerabilities":null})").value().findings, IsEmpty());
}

TEST(AdapterReportTest, HostileOnesAreBounded) {
  std::string items;
  for (std::size_t i = 0; i <= kFindingsAtMost; ++i) {
    items += fmt::format(R"({}{{"id":"CVE-{}","package":"a"}})", i == 0 ? "" : ",", i);
  }
  EXPECT_EQ(parse_adapter_report(report_with(items)).error().reason, kImageTooLarge);
  // A value has 27 times the bytes of this text.
  std::string numbers = "1";
  for (int i = 0; i < 24; ++i) numbers += "," + numbers;
  EXPECT_EQ(parse_adapter_report(fmt::format(R"({{"a":[{}]}})", numbers)).error().reason,
            kImageTooLarge);
  const std::string longer(10'000, 'x');
  const auto cut = parse_adapter_report(report_with(fmt::format(
      R"({{"id":"{0}","package":"{0}","version":"{0}","description":"{0}"}})", longer)));
  EXPECT_LE(cut.value().findings[0].vulnerability.size(), 256U);
  EXPECT_LE(cut.value().findings[0].package.size(), 512U);
  EXPECT_LE(cut.value().findings[0].summary.size(), 1024U);
  const auto strange =
      parse_adapter_report(report_with("{\"id\":\"a\\u0000\xff\\u001b[31m\",\"package\":\"b\"}"));
  EXPECT_THAT(strange.value().findings[0].vulnerability, HasSubstr("a"));
  EXPECT_FALSE(strange.value().findings[0].vulnerability.contains('\x1b'));
  EXPECT_FALSE(strange.value().findings[0].vulnerability.contains('\0'));
}

TEST(AdapterReportTest, AsAReportOfOurs) {
  AdapterReport report;
  const auto add = [&](std::string id, std::string package, std::optional<cvss::Severity> severity,
                       std::string layer) {
    report.findings.push_back({.vulnerability = std::move(id),
                               .package = std::move(package),
                               .version = "1",
                               .severity = severity,
                               .layer = std::move(layer)});
  };
  add("CVE-1", "low", cvss::Severity::low, digest('a').text());
  add("CVE-2", "bad", std::nullopt, "");
  add("CVE-3", "bad", cvss::Severity::critical, digest('f').text());  // of no layer that it has
  add("CVE-3", "bad", cvss::Severity::critical, "");                  // found at two places
  const ImageReport image = to_image_report(report, digest('d'), {digest('a'), digest('b')});
  EXPECT_EQ(image.counts, (Counts{.critical = 1, .low = 1, .unknown = 1}));
  ASSERT_EQ(image.components.size(), 2U);
  EXPECT_EQ(image.components[0].package.name, "bad");
  EXPECT_EQ(image.components[0].matches()[0].id, "CVE-3");
  EXPECT_EQ(image.components[0].layer, 1U);
  EXPECT_EQ(image.components[1].layer, 0U);
  EXPECT_THAT(image.layers[0].components, ElementsAre(1U));
  EXPECT_THAT(image.layers[1].components, ElementsAre(0U));
  EXPECT_THAT(to_image_report(report, digest('d'), {}).components, IsEmpty());
}

TEST(AdapterReportTest, Metadata) {
  const auto metadata = parse_adapter_metadata(R"({
      "scanner": {"name": "Trivy", "vendor": "Aqua", "version": "0.51"},
      "capabilities": [
        {"type": "sbom", "consumes_mime_types": ["a/b"],
         "produces_mime_types": ["application/vnd.security.sbom.report+json; version=1.0"]},
        {"consumes_mime_types": ["A/B"], "produces_mime_types": [
          "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
          "application/vnd.security.vulnerability.report;version=1.1"]}],
      "properties": {"harbor.scanner-adapter/vulnerability-database-updated-at": "2026-01-01"}})");
  ASSERT_TRUE(metadata) << metadata.error().message;
  EXPECT_EQ(metadata->database_updated_at, "2026-01-01");
  const auto* capability = metadata->for_images("a/b");
  ASSERT_EQ(capability, &metadata->capabilities[1]);
  EXPECT_EQ(report_type_of(*capability), kReportType);
  EXPECT_EQ(metadata->for_images("c/d"), nullptr);
  EXPECT_EQ(report_type_of(metadata->capabilities[0]), "");
  for (const char* const text :
       {"", "[]", R"({"scanner":{"name":"a"}})", R"({"capabilities":[]})"}) {
    EXPECT_EQ(parse_adapter_metadata(text).error().reason, kAdapterAnswerInvalid) << text;
  }
}

}  // namespace
}  // namespace holdfast::scanner
