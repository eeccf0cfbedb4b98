#include "advisories/nvd.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "advisories/osv.hpp"

namespace holdfast::advisories {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view k31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
constexpr std::string_view k30 = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N";
constexpr std::string_view k40 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
constexpr std::string_view k2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P";

std::string metric(std::string_view name, std::string_view type, std::string_view vector) {
  return fmt::format(R"("{}":[{{"source":"nvd@nist.gov","type":"{}","cvssData":{{"version":"x",)"
                     R"("vectorString":"{}","baseScore":9.8}},"impactScore":5.9}}])",
                     name, type, vector);
}
std::string cve(std::string_view id, std::string_view metrics) {
  return fmt::format(R"({{"id":"{}","descriptions":[{{"lang":"en","value":"\"CVE-9999-1\" {{"}}],)"
                     R"("metrics":{{{}}},"weaknesses":[],"references":[{{"url":"https://x"}}]}})",
                     id, metrics);
}
std::string nvd(std::string_view items) {
  return fmt::format(R"({{"resultsPerPage":1,"startIndex":0,"totalResults":1,"format":"NVD_CVE",)"
                     R"("version":"2.0","timestamp":"2026-01-01","vulnerabilities":[{}]}})",
                     items);
}

struct Read {
  std::vector<std::string> rated;  // "CVE vector"
  Result<std::int64_t> outcome = 0;
};
Read read(std::string_view text, std::size_t step = 1 << 20) {
  Read read;
  NvdReader reader([&](const std::string& name, const std::string& vector) {
    read.rated.push_back(name + " " + vector);
  });
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    if (const auto written = reader.write(text.substr(0, step)); !written) {
      read.outcome = written.error();
      return read;
    }
  }
  read.outcome = reader.finish();
  return read;
}

TEST(NvdTest, ThePrimaryVectorOfTheBestVersion) {
  const std::string both =
      fmt::format(R"("cvssMetricV31":[{{"type":"Secondary","cvssData":{{"vectorString":"{}"}}}},)"
                  R"({{"type":"Primary","cvssData":{{"vectorString":"{}"}}}}])",
                  "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", k31);
  const std::string text = nvd(fmt::format(
      R"({{"cve":{}}},{{"cve":{}}},{{"cve":{}}},{{"cve":{}}},{{"cve":{}}})",
      cve("CVE-2024-0001", metric("cvssMetricV2", "Primary", k2) + "," +
                               metric("cvssMetricV40", "Primary", k40) + "," + both),
      cve("CVE-2024-0002",
          metric("cvssMetricV30", "Secondary", k30) + "," + metric("cvssMetricV2", "Primary", k2)),
      cve("CVE-2024-0003", metric("cvssMetricV40", "Secondary", k40)),
      cve("CVE-2024-0004", metric("cvssMetricV2", "Primary", k2)), cve("CVE-2024-12345678", "")));
  const auto expected =
      ElementsAre(fmt::format("CVE-2024-0001 {}", k31), fmt::format("CVE-2024-0002 {}", k30),
                  fmt::format("CVE-2024-0003 {}", k40), fmt::format("CVE-2024-0004 {}", k2),
                  "CVE-2024-12345678 ");
  for (const std::size_t step : {1UZ, 7UZ, 4096UZ}) {
    const Read got = read(text + " \n", step);
    ASSERT_TRUE(got.outcome) << describe(got.outcome.error());
    EXPECT_EQ(*got.outcome, 5);
    EXPECT_THAT(got.rated, expected) << step;
  }
}

TEST(NvdTest, TheMirrorsShape) {
  const Read got = read(fmt::format(R"({{"feed_name":"CVE-2024","cve_count":1,"cve_items":[{}]}})",
                                    cve("CVE-2024-1", metric("cvssMetricV31", "Primary", k31))));
  ASSERT_TRUE(got.outcome);
  EXPECT_THAT(got.rated, ElementsAre(fmt::format("CVE-2024-1 {}", k31)));
}

TEST(NvdTest, VectorsOfNoMetricAndNoVectorsDoNotCount) {
  const std::string elsewhere =
      fmt::format(R"({{"other":{{{}}}}})", metric("cvssMetricV31", "Primary", k31));
  const Read got = read(nvd(fmt::format(
      R"({{"cve":{}}},{{"cve":{{"id":"CVE-2024-2","metrics":{},"x":{}}}}})",
      cve("CVE-2024-1", metric("cvssMetricV31", "Primary", "CVSS:3.1/AV:N")), elsewhere,
      R"({"metrics":{"cvssMetricV2":[{"cvssData":{"vectorString":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}}]}})")));
  ASSERT_TRUE(got.outcome);
  EXPECT_THAT(got.rated, ElementsAre("CVE-2024-1 ", "CVE-2024-2 "));
}

TEST(NvdTest, WrongTypesAreNoCves) {
  for (const std::string_view item :
       {"1", "null", "[]", "{}", R"({"cve":[]})", R"({"cve":{"id":5}})", R"({"cve":{"id":"x"}})",
        R"({"cve":{"id":"CVE-2024-1\n"}})", R"({"cve":{"id":"CVE-2024-"}})",
        R"({"cve":{"id":["CVE-2024-1"]}})"}) {
    EXPECT_THAT(read(nvd(item)).rated, IsEmpty()) << item;
  }
  EXPECT_FALSE(read(nvd(R"({"cve":{"id":5}})")).outcome);
  const Read typed = read(nvd(R"({"cve":{"id":"CVE-2024-1","metrics":[1]}},)"
                              R"({"cve":{"id":"CVE-2024-2","metrics":{"cvssMetricV31":{"a":1}}}},)"
                              R"({"cve":{"id":"CVE-2024-3","metrics":{"cvssMetricV31":[[],5]}}})"));
  ASSERT_TRUE(typed.outcome);
  EXPECT_THAT(typed.rated, ElementsAre("CVE-2024-1 ", "CVE-2024-2 ", "CVE-2024-3 "));
}

TEST(NvdTest, WhatIsNoCatalogueIsRefused) {
  const std::string whole = nvd(fmt::format(R"({{"cve":{}}})", cve("CVE-2024-1", "")));
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("{}"), std::string("[]"), std::string("1"),
        std::string(R"({"vulnerabilities":{}})"), whole.substr(0, whole.size() - 1), whole + "{}",
        whole + "x", R"({"vulnerabilities":[],"a":)" + std::string(100, '[')}) {
    const Read got = read(text);
    ASSERT_FALSE(got.outcome) << text;
    EXPECT_EQ(got.outcome.error().reason, kRecordInvalid);
  }
}

TEST(NvdTest, DepthAndLengthAreBounded) {
  const std::string deep(10'000, '[');
  EXPECT_FALSE(read(R"({"vulnerabilities":[],"a":)" + deep).outcome);
  const std::string long_text(5 << 20, 'x');
  const Read got = read(nvd(fmt::format(R"({{"{}":1,"cve":{{"id":"CVE-2024-1{}"}}}},{{"cve":{}}})",
                                        long_text.substr(0, 1000), long_text,
                                        cve("CVE-2024-2", metric("cvssMetricV31", "Primary",
                                                                 std::string(k31) + long_text)))),
                        1000);
  EXPECT_FALSE(got.outcome) << "half of them are no CVEs";
  EXPECT_THAT(got.rated, ElementsAre("CVE-2024-2 "));
}

TEST(NvdTest, WhatATextIs) {
  EXPECT_EQ(content_of(nvd("")), Content::catalogue);
  EXPECT_EQ(content_of(R"({"feed_name":"CVE-2024","cve_items":[)"), Content::catalogue);
  EXPECT_EQ(content_of(R"({"title":"CISA","catalogVersion":"2026","vulnerabilities":[{)"),
            Content::exploited);
  EXPECT_EQ(content_of(R"({"schema_version":"1.7.0","id":"A"})"), Content::record);
  EXPECT_EQ(content_of(R"({"details":"\"catalogVersion\":","x":{"cve_items":[]},"id":"A"})"),
            Content::record);
  for (const std::string_view text : {"", "x", "{}", "[{\"id\":1}]", R"("id")", "{\"a\":[[[[["}) {
    EXPECT_EQ(content_of(text), Content::unknown) << text;
  }
}

}  // namespace
}  // namespace holdfast::advisories
