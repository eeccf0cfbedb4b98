#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "advisories/database.hpp"
#include "advisories/import.hpp"

namespace holdfast::advisories {
namespace {

using packages::Package;
using packages::Release;
using packages::Type;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Release kDebian12{.id = "debian", .version_id = "12"};
const Release kAlpine{.id = "alpine", .version_id = "3.10.2"};
const Release kAlma{.id = "almalinux", .version_id = "9.4"};

Package deb(std::string source, std::string version) {
  return {.type = Type::deb,
          .name = "lib" + source,
          .version = version + "+b1",
          .source_name = std::move(source),
          .source_version = std::move(version)};
}
Package of(Type type, std::string name, std::string version) {
  return {.type = type, .name = std::move(name), .version = std::move(version)};
}

// A record about one package.
std::string record(std::string_view id, std::string_view ecosystem, std::string_view name,
                   std::string_view events, std::string_view more = "") {
  return fmt::format(
      R"({{"id":"{}","modified":"2026-01-02T03:04:05Z","summary":"About {}","affected":[{{"package":)"
      R"({{"ecosystem":"{}","name":"{}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{}]}}]}}]{}}})",
      id, id, ecosystem, name, events, more);
}
constexpr std::string_view kUntil2 = R"({"introduced":"0"},{"fixed":"2.0"})";

class AdvisoriesTest : public testing::Test {
 protected:
  AdvisoriesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-adv-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    import_ = begin("a");
  }
  ~AdvisoriesTest() override {
    import_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<Import> begin(std::string_view name, std::string_view base = "") {
    const std::string before = base.empty() ? "" : (folder_ / base).string();
    return Import::begin((folder_ / name).string(), before, clock_).value();
  }
  void add(std::string_view text, std::string_view source = "test") {
    ASSERT_TRUE(import_->add(source, text));
  }
  Info finish() {
    auto info = import_->finish();
    EXPECT_TRUE(info) << describe(info.error());
    database_ = Database::open((folder_ / "a").string()).value();
    return info ? *info : Info{};
  }
  Answer match(const Package& package, const Release* release = nullptr) {
    auto answer = database_->match(package, release);
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer ? **answer : Answer{};
  }
  // "id fixed severity" of each.
  std::vector<std::string> found(const Package& package, const Release* release = nullptr) {
    std::vector<std::string> lines;
    for (const Match& match : match(package, release).matches) {
      lines.push_back(fmt::format("{} {} {}", match.id, match.fixed_version,
                                  match.severity ? cvss::name(*match.severity) : "unknown"));
    }
    return lines;
  }

  std::filesystem::path folder_;
  ManualClock clock_{parse_rfc3339("2026-11-25T00:00:00Z").value()};
  std::unique_ptr<Import> import_;
  std::shared_ptr<Database> database_;
};

TEST_F(AdvisoriesTest, OfADistributionBySourceNameAndVersion) {
  add(record("DSA-1-1", "Debian:12", "curl", R"({"introduced":"0"},{"fixed":"7.88.1-10+deb12u5"})",
             R"(,"upstream":["CVE-2023-1","CVE-2023-2"])"));
  add(record("DSA-2-1", "Debian:11", "curl", R"({"introduced":"0"},{"fixed":"9"})"));
  finish();
  EXPECT_THAT(
      found(deb("curl", "7.88.1-10"), &kDebian12),
      ElementsAre("CVE-2023-1 7.88.1-10+deb12u5 unknown", "CVE-2023-2 7.88.1-10+deb12u5 unknown"));
  EXPECT_THAT(match(deb("curl", "7.88.1-10"), &kDebian12).matches.front().ids,
              ElementsAre("CVE-2023-1", "DSA-1-1"));
  EXPECT_THAT(found(deb("curl", "7.88.1-10+deb12u5"), &kDebian12), IsEmpty());
  EXPECT_THAT(found(deb("git", "1"), &kDebian12), IsEmpty());
}

TEST_F(AdvisoriesTest, WhatHasNoDataIsNotCovered) {
  add(record("DSA-1-1", "Debian:12", "curl", kUntil2));
  add(record("PYSEC-1", "PyPI", "jinja2", kUntil2));
  finish();
  const Release debian13{.id = "debian", .version_id = "13"};
  const Release sid{.id = "debian"};
  const Release unknown{.id = "slackware", .version_id = "12"};
  EXPECT_EQ(match(deb("git", "1"), &kDebian12).coverage, Coverage::covered);
  for (const Release* release : {&debian13, &sid, &unknown, &kAlma}) {
    EXPECT_EQ(match(deb("curl", "1"), release).coverage, Coverage::not_covered) << release->id;
  }
  EXPECT_EQ(match(deb("curl", "1"), nullptr).coverage, Coverage::not_covered);
  EXPECT_EQ(match(of(Type::npm, "x", "1")).coverage, Coverage::not_covered);
  EXPECT_EQ(match(of(Type::conda, "jinja2", "1")).coverage, Coverage::not_covered);
  EXPECT_EQ(match(of(Type::pypi, "x", "1")).coverage, Coverage::covered);
}

TEST_F(AdvisoriesTest, WhatTheDistributionOwnsIsNotLookedUp) {
  add(record("PYSEC-1", "PyPI", "jinja2", kUntil2));
  finish();
  Package package = of(Type::pypi, "Jinja2", "1.0");
  EXPECT_THAT(found(package), ElementsAre("PYSEC-1 2.0 unknown"));
  package.owner = "python3-jinja2";
  EXPECT_EQ(match(package).coverage, Coverage::owned);
  EXPECT_THAT(found(package), IsEmpty());
}

TEST_F(AdvisoriesTest, RecordsThatShareANameAreOneVulnerability) {
  add(record("GHSA-a", "PyPI", "Jinja2", R"({"introduced":"0"},{"fixed":"2.11.3"})",
             R"(,"aliases":["CVE-2020-1"],"database_specific":{"severity":"MODERATE"})"));
  add(record("PYSEC-1", "PyPI", "jinja2", R"({"introduced":"0"},{"fixed":"2.11.4"})",
             R"(,"aliases":["GHSA-a"])"));
  add(record("PYSEC-2", "PyPI", "jinja2", kUntil2, R"(,"aliases":["CVE-2020-2"])"));
  finish();
  EXPECT_THAT(found(of(Type::pypi, "JINJA2", "1.0")),
              ElementsAre("CVE-2020-1 2.11.4 medium", "CVE-2020-2 2.0 unknown"));
  EXPECT_THAT(match(of(Type::pypi, "jinja2", "1.0")).matches.front().ids,
              ElementsAre("CVE-2020-1", "GHSA-a", "PYSEC-1"));
}

TEST_F(AdvisoriesTest, LoopsOfAliasesEnd) {
  add(record("A-1", "npm", "x", kUntil2, R"(,"aliases":["A-2"])"));
  add(record("A-2", "npm", "x", kUntil2, R"(,"aliases":["A-3","A-1"])"));
  add(record("A-3", "npm", "x", kUntil2, R"(,"aliases":["A-1","A-3"])"));
  finish();
  EXPECT_THAT(found(of(Type::npm, "x", "1.0.0")), ElementsAre("A-1 2.0 unknown"));
}

TEST_F(AdvisoriesTest, SeverityOfTheOwnerGoesFirstThenTheVectorThenOthers) {
  constexpr std::string_view kCritical =
      R"("severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}])";
  add(record("GHSA-a", "npm", "a", kUntil2,
             fmt::format(R"(,"aliases":["CVE-1-1"],{},"database_specific":{{"severity":"LOW"}})",
                         kCritical)));
  add(record("GHSA-b", "npm", "b", kUntil2,
             fmt::format(R"(,"aliases":["CVE-1-2"],{})", kCritical)));
  add(record("DSA-1", "Debian:12", "b", kUntil2, R"(,"upstream":["CVE-1-2"])"));
  add(record("RUBYSEC-1", "RubyGems", "c", kUntil2,
             R"(,"aliases":["CVE-1-3"],"database_specific":{"cvss_v3_score":7.5})"));
  add(fmt::format(R"({{"id":"ALSA-1","summary":"Important: d security update",
    "related":["CVE-1-4","CVE-1-5"],"affected":[{{"package":{{"ecosystem":"AlmaLinux:9","name":"d"}},
    "ranges":[{{"type":"ECOSYSTEM","events":[{}]}}]}}]}})",
                  kUntil2));
  ASSERT_TRUE(
      import_->add_ratings("cve\tcvss_v3\tcvss_v4\talmalinux_min_severity\tsource\n"
                           "CVE-1-5\t\t\tLow\tx\n"));
  ASSERT_TRUE(import_->add_exploited(R"({"vulnerabilities":[{"cveID":"CVE-1-2"}]})"));
  finish();
  EXPECT_THAT(found(of(Type::npm, "a", "1.0.0")), ElementsAre("CVE-1-1 2.0 low"));
  EXPECT_THAT(found(of(Type::npm, "b", "1.0.0")), ElementsAre("CVE-1-2 2.0 critical"));
  EXPECT_THAT(found(deb("b", "1"), &kDebian12), ElementsAre("CVE-1-2 2.0 critical"));
  EXPECT_TRUE(match(deb("b", "1"), &kDebian12).matches.front().is_exploited);
  EXPECT_EQ(match(deb("b", "1"), &kDebian12).matches.front().score->tenths, 98);
  EXPECT_THAT(found(of(Type::gem, "c", "1.0")), ElementsAre("CVE-1-3 2.0 high"));
  EXPECT_THAT(found(of(Type::rpm, "d", "1-1"), &kAlma),
              ElementsAre("CVE-1-4 2.0 high", "CVE-1-5 2.0 low"));
}

TEST_F(AdvisoriesTest, EachEcosystemByItsOwnNamesAndVersions) {
  add(record("A-1", "Alpine:v3.10", "openssl", R"({"introduced":"0"},{"fixed":"1.1.1d-r2"})",
             R"(,"upstream":["CVE-2-1"])"));
  add(record("A-2", "Alpine:v3.10", "openssl", R"({"introduced":"0"},{"fixed":"0"})"));
  add(record(
      "G-1", "Go", "stdlib",
      R"({"introduced":"0"},{"fixed":"1.21.11"},{"introduced":"1.22.0-0"},{"fixed":"1.22.4"})"));
  add(record("M-1", "Maven", "org.a:b", R"({"introduced":"2.0-beta9"},{"fixed":"2.15.0"})"));
  add(record("N-1", "NuGet", "Newtonsoft.Json", R"({"introduced":"0"},{"fixed":"13.0.1"})"));
  add(record("P-1", "Packagist", "Symfony/Http-Kernel",
             R"({"introduced":"5.0.0"},{"fixed":"5.4.20"})"));
  add(record("C-1", "crates.io", "rand", R"({"introduced":"0.0.0-0"},{"fixed":"0.8.0"})"));
  finish();
  Package apk{.type = Type::apk,
              .name = "libssl1.1",
              .version = "1.1.1c-r0",
              .source_name = "openssl",
              .source_version = "1.1.1c-r0"};
  EXPECT_THAT(found(apk, &kAlpine), ElementsAre("CVE-2-1 1.1.1d-r2 unknown"));
  EXPECT_THAT(found(of(Type::golang, "stdlib", "1.22.3")), ElementsAre("G-1 1.22.4 unknown"));
  EXPECT_THAT(found(of(Type::golang, "stdlib", "1.21.11")), IsEmpty());
  EXPECT_THAT(found(of(Type::maven, "org.a:b", "2.14.1")), ElementsAre("M-1 2.15.0 unknown"));
  EXPECT_THAT(found(of(Type::maven, "org.a:b", "2.0-beta8")), IsEmpty());
  EXPECT_THAT(found(of(Type::nuget, "newtonsoft.json", "12.0.3")),
              ElementsAre("N-1 13.0.1 unknown"));
  EXPECT_THAT(found(of(Type::composer, "symfony/http-kernel", "v5.4.1")),
              ElementsAre("P-1 5.4.20 unknown"));
  EXPECT_THAT(found(of(Type::cargo, "rand", "0.7.3")), ElementsAre("C-1 0.8.0 unknown"));
}

TEST_F(AdvisoriesTest, ModuleStreamsAreMendedApart) {
  add(record("ALSA-1", "AlmaLinux:9", "nodejs",
             R"({"introduced":"0"},{"fixed":"1:18.20.2-2.module_el9.4.0+100"})"));
  finish();
  EXPECT_THAT(found(of(Type::rpm, "nodejs", "1:16.20.2-1.el9"), &kAlma), IsEmpty());
  Package module = of(Type::rpm, "nodejs", "1:18.18.0-1.module_el9.2.0+50");
  module.module = "nodejs:18:9040020240419:";
  EXPECT_EQ(found(module, &kAlma).size(), 1U);
}

TEST_F(AdvisoriesTest, AVersionThatCannotBeReadIsAffectedInexactly) {
  add(record("GO-1", "Go", "github.com/a/b", R"({"introduced":"1.0.0"},{"fixed":"1.1.0"})"));
  finish();
  const Answer answer = match(of(Type::golang, "github.com/a/b", "(devel)"));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_TRUE(answer.matches.front().is_inexact);
  EXPECT_FALSE(match(of(Type::golang, "github.com/a/b", "v1.0.5")).matches.front().is_inexact);
}

TEST_F(AdvisoriesTest, WithdrawnAndBrokenOnesAreCountedAndLeftOut) {
  for (int i = 0; i < 20; ++i) add(record(fmt::format("A-{}", i), "npm", "x", kUntil2));
  add(record("A-w", "npm", "x", kUntil2, R"(,"withdrawn":"2024-01-01T00:00:00Z")"));
  add("{");
  add(R"({"id":"A-x","affected":{}})");
  const Info info = finish();
  EXPECT_EQ(info.records, 20);
  ASSERT_EQ(info.sources.size(), 1U);
  EXPECT_EQ(info.sources[0].withdrawn, 1);
  EXPECT_EQ(info.sources[0].rejected, 2);
  EXPECT_EQ(match(of(Type::npm, "x", "1.0.0")).matches.size(), 20U);
  EXPECT_EQ(database_->info().records, 20);
  EXPECT_EQ(rfc3339(database_->info().newest_at), "2026-01-02T03:04:05.000000Z");
}

TEST_F(AdvisoriesTest, AnArchiveThatIsMostlyBrokenIsRefused) {
  add(record("A-1", "npm", "x", kUntil2));
  add("nonsense");
  const auto info = import_->finish();
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().reason, kRecordInvalid);
  EXPECT_THAT(info.error().message, HasSubstr("1 of 2 records of test cannot be read"));
  import_.reset();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a")) << "nothing of it stays";
}

TEST_F(AdvisoriesTest, NothingAtAllIsRefused) {
  const auto info = import_->finish();
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().reason, kImportEmpty);
}

TEST_F(AdvisoriesTest, RecordsOfAnHostileArchive) {
  std::string deep(100'000, '[');
  std::string events = R"({"introduced":"0"})";
  for (int i = 0; i < 300'000; ++i) events += R"(,{"fixed":"1"})";
  for (
      const std::string& text :
      {deep, std::string(), std::string("\xff\xfe"), std::string("{\"id\":1}"),
       record("A-1", "npm", "x", events), record("A-1", "npm", "x", R"({"fixed":"1\u001f2"})"),
       std::string(
           R"({"id":"A","affected":[{"package":{"ecosystem":"npm","name":"x"},"versions":["1\u001e"]}]})"),
       std::string(R"({"id":"A","affected":[{"package":{}}]})"),
       std::string(
           R"({"id":"A","affected":[{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"events":[1]}]}]})")}) {
    const auto read = parse_record(text);
    ASSERT_FALSE(read) << text.substr(0, 60);
    EXPECT_EQ(read.error().reason, kRecordInvalid);
  }
  // What is odd but harmless is read.
  for (const std::string_view text :
       {R"({"id":"A","aliases":[1,"B"],"severity":7,"references":[{"url":"javascript:x"}]})",
        R"({"id":"A","affected":[{"ranges":[]}],"summary":"\ud83d"})", R"({"id":"A","id":"B"})"}) {
    const auto read = parse_record(text);
    if (read) EXPECT_THAT(read->urls, IsEmpty());
  }
}

TEST_F(AdvisoriesTest, RangesThatNoReleaseEndsEndWhereGitHubLastKnewOfThem) {
  const auto is_affected = [](std::string_view known, std::string_view end,
                              std::string_view version) {
    const auto read = parse_record(fmt::format(
        R"({{"id":"GHSA-1","affected":[{{"package":{{"ecosystem":"npm","name":"x"}},"ranges":[
        {{"type":"SEMVER","events":[{{"introduced":"1.0.0"}}{}]}}],
        "database_specific":{{"last_known_affected_version_range":"{}"}}}}]}})",
        end, known));
    return judge(versions::Scheme::npm, read.value().packages.at(0).affected, version).is_affected;
  };
  EXPECT_TRUE(is_affected("<= 1.2.3", "", "1.2.3"));
  EXPECT_FALSE(is_affected("<= 1.2.3", "", "1.2.4"));
  EXPECT_FALSE(is_affected("<= 1.2.3", "", "0.9.0"));
  EXPECT_TRUE(is_affected("< 1.2.3", "", "1.2.2"));
  EXPECT_FALSE(is_affected("< 1.2.3", "", "1.2.3"));
  for (const std::string_view odd : {"", "<", ">= 2", "everything"}) {
    EXPECT_TRUE(is_affected(odd, "", "9.0.0")) << odd;
  }
  EXPECT_TRUE(is_affected("<= 1.2.3", R"(,{"fixed":"2.0.0"})", "1.9.0")) << "a release mends it";
}

// Each record shares a name with the one before it, and with one far away.
TEST_F(AdvisoriesTest, LongChainsOfAliasesAreOneVulnerabilityInTime) {
  constexpr int kRecords = 5'000;
  for (int i = 0; i < kRecords; ++i) {
    add(record(fmt::format("A-{}", i), "npm", "x",
               fmt::format(R"({{"introduced":"0"}},{{"fixed":"2.{}.0"}})", i),
               fmt::format(R"(,"aliases":["A-{}","A-{}"])", i + 1, (i * 7) % kRecords)));
  }
  finish();
  const auto matches = match(of(Type::npm, "x", "1.0.0")).matches;
  ASSERT_EQ(matches.size(), 1U);
  EXPECT_EQ(matches.front().ids.size(), kRecords + 1U);
  EXPECT_EQ(matches.front().fixed_version, "2.4999.0");
}

TEST_F(AdvisoriesTest, FoundByAnyOfItsNames) {
  add(record("GHSA-a", "npm", "x", kUntil2, R"(,"aliases":["CVE-1-1"],"details":"All about it")"));
  add(record("DSA-1", "Debian:12", "x", kUntil2, R"(,"upstream":["CVE-1-1","CVE-1-2"])"));
  finish();
  for (const std::string_view name : {"GHSA-a", "CVE-1-1"}) {
    const auto advisory = database_->find(name).value();
    ASSERT_TRUE(advisory) << name;
    EXPECT_EQ(advisory->match.id, "CVE-1-1");
  }
  const auto both = database_->find("CVE-1-1").value();
  ASSERT_EQ(both->affected.size(), 2U);
  EXPECT_EQ(both->affected[0].ecosystem, "npm");
  EXPECT_EQ(both->affected[1].ecosystem, "Debian:12");
  EXPECT_EQ(both->affected[1].fixed_version, "2.0");
  EXPECT_FALSE(database_->find("CVE-1-3").value());
}

TEST_F(AdvisoriesTest, FoundWithWhatSharesAnotherNameWithIt) {
  add(record("GHSA-a", "PyPI", "x", kUntil2, R"(,"aliases":["CVE-1-1"])"));
  add(record("PYSEC-a", "PyPI", "x", kUntil2, R"(,"aliases":["GHSA-a","PYSEC-a"])"));
  add(record("DSA-1", "Debian:12", "x", kUntil2, R"(,"upstream":["CVE-1-1","CVE-1-2"])"));
  add(record("GHSA-b", "PyPI", "y", kUntil2, R"(,"aliases":["CVE-1-2"])"));
  finish();
  for (const std::string_view name : {"CVE-1-1", "GHSA-a", "PYSEC-a"}) {
    EXPECT_THAT(database_->find(name).value()->match.ids,
                ElementsAre("CVE-1-1", "GHSA-a", "PYSEC-a", "DSA-1"))
        << name;
  }
}

TEST_F(AdvisoriesTest, NamesOfOthersBesideACveAreNoVulnerabilityMore) {
  add(record("ALPINE-CVE-2016-1", "Alpine:v3.10", "xen", kUntil2,
             R"(,"upstream":["XSA-204","CVE-2016-1"])"));
  add(record("ALPINE-CVE-2016-2", "Alpine:v3.10", "xen", kUntil2,
             R"(,"upstream":["CVE-2016-2","XSA-204"])"));
  add(record("ALPINE-XSA-1", "Alpine:v3.10", "xen", kUntil2, R"(,"upstream":["XSA-1"])"));
  finish();
  const Package xen{.type = Type::apk,
                    .name = "xen-hypervisor",
                    .version = "1.0",
                    .source_name = "xen",
                    .source_version = "1.0"};
  EXPECT_THAT(found(xen, &kAlpine),
              ElementsAre("CVE-2016-1 2.0 unknown", "CVE-2016-2 2.0 unknown", "XSA-1 2.0 unknown"));
  EXPECT_THAT(match(xen, &kAlpine).matches.front().ids,
              ElementsAre("CVE-2016-1", "ALPINE-CVE-2016-1", "XSA-204"));
  EXPECT_TRUE(database_->find("XSA-204").value());
}

TEST_F(AdvisoriesTest, ALinkIsOneLink) {
  add(record("A-1", "npm", "x", kUntil2,
             R"(,"references":[{"type":"WEB","url":"https://a.example/\njavascript:a"},)"
             R"({"type":"WEB","url":"https://b.example/ c"},{"url":"https://d.example/"}])"));
  finish();
  EXPECT_THAT(match(of(Type::npm, "x", "1.0.0")).matches.front().urls,
              ElementsAre("https://osv.dev/vulnerability/A-1", "https://d.example/"));
}

TEST_F(AdvisoriesTest, OtherSourcesAreTakenOver) {
  add(record("A-1", "npm", "x", kUntil2, R"(,"aliases":["CVE-1-1"])"), "npm");
  add(record("A-2", "npm", "x", kUntil2), "npm");
  add(record("DSA-1", "Debian:12", "x", kUntil2, R"(,"upstream":["CVE-1-1"])"), "Debian");
  ASSERT_TRUE(import_->add_exploited(R"({"vulnerabilities":[{"cveID":"CVE-1-1"}]})"));
  const Info before = finish();
  import_ = begin("b", "a");
  add(record("A-3", "npm", "x", kUntil2), "npm");
  const Info info = import_->finish().value();
  EXPECT_NE(info.version, before.version);
  EXPECT_EQ(info.records, 2);
  database_ = Database::open((folder_ / "b").string()).value();
  EXPECT_EQ(database_->info().sources.size(), 2U);
  EXPECT_THAT(found(of(Type::npm, "x", "1.0.0")), ElementsAre("A-3 2.0 unknown"));
  EXPECT_THAT(found(deb("x", "1"), &kDebian12), ElementsAre("CVE-1-1 2.0 unknown"));
  EXPECT_TRUE(match(deb("x", "1"), &kDebian12).matches.front().is_exploited);
  EXPECT_EQ(database_->find("DSA-1").value()->affected.size(), 1U);
  EXPECT_FALSE(database_->find("A-2").value());
}

TEST_F(AdvisoriesTest, APartCountsInWholeOrNotAtAll) {
  const std::string critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
  const std::string low = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";
  add(record("A-1", "npm", "x", kUntil2, R"(,"aliases":["CVE-1-1"])"), "npm");
  import_->rate("CVE-1-1", low);
  const auto broken = import_->part([&]() -> Result<void> {
    HF_CHECK(import_->add("npm", record("A-2", "npm", "x", kUntil2)));
    HF_CHECK(import_->add("go", record("A-3", "Go", "x", kUntil2)));
    HF_CHECK(import_->add_exploited(R"({"vulnerabilities":[{"cveID":"CVE-1-1"}]})"));
    import_->rate("CVE-1-1", critical);
    import_->rate("CVE-1-2", critical);
    return fail(ErrorCode::corrupt, kRecordInvalid, "it is cut");
  });
  EXPECT_EQ(broken.error().message, "it is cut");
  const auto rejected = import_->part([&] { return import_->add("npm", "no record"); });
  EXPECT_THAT(rejected.error().message, HasSubstr("cannot be read"));
  const auto nothing = import_->part([] { return Result<void>(); });
  EXPECT_EQ(nothing.error().reason, kImportEmpty);
  const auto good =
      import_->part([&] { return import_->add("PyPI", record("A-4", "PyPI", "y", kUntil2)); });
  EXPECT_EQ(good.value(), 1);
  const Info info = finish();
  EXPECT_EQ(info.records, 2);
  EXPECT_EQ(info.sources.size(), 2U);
  EXPECT_EQ(info.rated, 1);
  EXPECT_EQ(info.exploited, 0);
  EXPECT_THAT(found(of(Type::npm, "x", "1.0.0")), ElementsAre("CVE-1-1 2.0 low"));
  EXPECT_THAT(found(of(Type::pypi, "y", "1.0.0")), ElementsAre("A-4 2.0 unknown"));
  EXPECT_EQ(match(of(Type::golang, "x", "1.0.0")).coverage, Coverage::not_covered);
  EXPECT_FALSE(database_->find("A-2").value());
}

TEST_F(AdvisoriesTest, ALaterRatingTakesThePlaceOfAnEarlierOne) {
  const std::string high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N";
  const std::string low = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";
  add(record("A-1", "npm", "x", kUntil2, R"(,"aliases":["CVE-1-1"])"), "npm");
  add(record("A-2", "npm", "y", kUntil2, R"(,"aliases":["CVE-1-2"])"), "npm");
  import_->rate("CVE-1-1", low);
  import_->rate("CVE-1-2", low);
  ASSERT_TRUE(import_->add_exploited(R"({"vulnerabilities":[{"cveID":"CVE-1-1"}]})"));
  const Info before = finish();
  // Ratings alone are enough where there are records to rate.
  import_ = begin("b", "a");
  import_->rate("CVE-1-1", high);
  import_->rate("CVE-1-2", "");
  const Info info = import_->finish().value();
  EXPECT_NE(info.version, before.version);
  EXPECT_EQ(info.exploited, 1);
  database_ = Database::open((folder_ / "b").string()).value();
  EXPECT_THAT(found(of(Type::npm, "x", "1.0.0")), ElementsAre("CVE-1-1 2.0 high"));
  EXPECT_THAT(found(of(Type::npm, "y", "1.0.0")), ElementsAre("CVE-1-2 2.0 unknown"));
  EXPECT_TRUE(match(of(Type::npm, "x", "1.0.0")).matches.front().is_exploited);
  import_ = begin("c");
  import_->rate("CVE-1-1", high);
  EXPECT_EQ(import_->finish().error().reason, kImportEmpty) << "of nothing";
}

TEST_F(AdvisoriesTest, PathsAreTakenLiterally) {
  import_ = begin("50% #1?");
  add(record("A-1", "npm", "x", kUntil2), "npm");
  ASSERT_TRUE(import_->finish());
  import_ = begin("a", "50% #1?");
  add(record("A-2", "npm", "x", kUntil2), "more");
  finish();
  EXPECT_EQ(match(of(Type::npm, "x", "1.0.0")).matches.size(), 2U);
  EXPECT_TRUE(Database::open((folder_ / "50% #1?").string()));
}

TEST_F(AdvisoriesTest, AnotherFileIsNoDatabase) {
  std::ofstream(folder_ / "b") << "something else";
  for (const std::string_view name : {"b", "missing"}) {
    EXPECT_FALSE(Database::open((folder_ / name).string())) << name;
  }
}

}  // namespace
}  // namespace holdfast::advisories
