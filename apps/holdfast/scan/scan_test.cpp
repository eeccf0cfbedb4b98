#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "scan/archive.hpp"
#include "scan/findings.hpp"
#include "scan/folder_tar.hpp"
#include "scan/tar_file.hpp"

namespace holdfast::scan {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "scan-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }
  fs::path write(const std::string& name, std::string_view bytes) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  fs::path path_;
};

std::string packed(const fs::path& folder, std::size_t piece = 700) {
  const auto tar = FolderTar::open(folder).value();
  std::string bytes;
  std::vector<std::byte> into(piece);
  while (const std::size_t got = tar->read(into)) {
    bytes.append(reinterpret_cast<const char*>(into.data()), got);
  }
  return bytes;
}

std::string read_member(const TarFile& tar, std::string_view name) {
  return read_all(tar.read(name).value(), 1UZ << 20U, "it").value();
}

TEST(FolderTar, WhatIsPackedIsRead) {
  const Folder folder;
  const std::string deep = std::string(90, 'd') + "/" + std::string(90, 'e') + "/" + "file";
  folder.write("in/a", "");
  folder.write("in/b/c", std::string(1000, 'x'));
  folder.write("in/" + deep, "deep");
  fs::create_symlink("b/c", folder.path() / "in/link");
  fs::create_symlink("/etc", folder.path() / "in/out");
  for (const std::size_t piece : {1UZ, 511UZ, 100'000UZ}) {
    const std::string bytes = packed(folder.path() / "in", piece);
    EXPECT_EQ(bytes.size() % 512, 0U);
    const auto tar = TarFile::open(folder.write("out.tar", bytes));
    ASSERT_TRUE(tar) << tar.error().message;
    EXPECT_EQ(read_member(**tar, "a"), "");
    EXPECT_EQ(read_member(**tar, "./b/c"), std::string(1000, 'x'));
    EXPECT_EQ(read_member(**tar, deep), "deep");
    EXPECT_EQ(read_member(**tar, "link"), std::string(1000, 'x'));
    EXPECT_FALSE((*tar)->has("out"));
    EXPECT_FALSE((*tar)->has("out/passwd"));
    EXPECT_FALSE((*tar)->has("b"));
  }
}

TEST(FolderTar, AFileThatShrinksKeepsTheTarWhole) {
  const Folder folder;
  folder.write("in/a", std::string(2000, 'x'));
  folder.write("in/b", "rest");
  const auto tar = FolderTar::open(folder.path() / "in").value();
  std::string bytes(512, '\0');
  ASSERT_EQ(tar->read(std::as_writable_bytes(std::span(bytes))), 512U);
  fs::resize_file(folder.path() / "in/a", 10);
  std::vector<std::byte> into(600);
  while (const std::size_t got = tar->read(into)) {
    bytes.append(reinterpret_cast<const char*>(into.data()), got);
  }
  const auto read = TarFile::open(folder.write("out.tar", bytes));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read_member(**read, "b"), "rest");
  EXPECT_THAT(tar->remarks(), testing::ElementsAre(testing::StartsWith("a: ")));
}

TEST(TarFile, EveryCutIsRefusedOrReadsAsShorter) {
  const Folder folder;
  folder.write("in/manifest.json", "[]");
  folder.write("in/layer", std::string(3000, 'x'));
  const std::string whole = packed(folder.path() / "in");
  for (std::size_t size = 1; size < 512 + 3000; size += 37) {
    const auto tar = TarFile::open(folder.write("cut.tar", whole.substr(0, size)));
    ASSERT_FALSE(tar) << size;
    EXPECT_EQ(tar.error().code, ErrorCode::corrupt);
  }
}

TEST(TarFile, WhatIsCompressedIsNotOpened) {
  const Folder folder;
  for (const std::string_view head : {"\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "BZh9", "PK\x03\x04"}) {
    const auto tar = TarFile::open(folder.write("it", head));
    ASSERT_FALSE(tar);
    EXPECT_EQ(tar.error().reason, kTargetUnsupported);
    EXPECT_THAT(tar.error().message, testing::HasSubstr("unpack it first"));
  }
}

TEST(TarFile, HostileHeaders) {
  const Folder folder;
  folder.write("in/a", "12345");
  const std::string good = packed(folder.path() / "in");
  const auto with = [&](std::size_t at, std::string_view text) {
    std::string bytes = good;
    bytes.replace(at, text.size(), text);
    bytes.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : bytes.substr(0, 512)) sum += static_cast<unsigned char>(c);
    bytes.replace(148, 7, fmt::format("{:06o}", sum) + std::string(1, '\0'));
    return TarFile::open(folder.write("it.tar", bytes));
  };
  ASSERT_TRUE(with(0, "b"));
  EXPECT_TRUE(with(0, "b").value()->has("b"));
  EXPECT_FALSE(with(0, "../b").value()->has("b"));
  EXPECT_FALSE(with(124, "77777777777"));
  EXPECT_FALSE(with(124, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_FALSE(with(124, "hello"));
  EXPECT_FALSE(with(156, "x"));  // "12345" is no extended header
  // Links that lead to each other, or out.
  EXPECT_FALSE(with(156, std::string_view("1a\0", 3)).value()->has("a"));
  EXPECT_FALSE(with(156, "2../../etc/passwd").value()->has("a"));
}

// An image of one component with given matches.
struct Report {
  explicit Report(std::vector<advisories::Match> matches) {
    auto answer = std::make_shared<advisories::Answer>();
    answer->matches = std::move(matches);
    const auto digest = oci::Digest::parse("sha256:" + std::string(64, 'a')).value();
    scanner::ImageReport report{.digest = digest};
    report.layers.push_back({.digest = digest});
    report.components.push_back({.package = {.type = packages::Type::deb,
                                             .name = "lib\x1b[31m",
                                             .version = "1.0",
                                             .path = "var/lib/a b"},
                                 .paths = {"var/lib/a b"},
                                 .layer = 0,
                                 .answer = answer});
    scanned.emplace(Scanned{.target = "it", .report = std::move(report)});
    scanned->advisories = advisories::Info{.records = 3};
  }
  std::optional<Scanned> scanned;
};

advisories::Match match(std::string id, std::optional<cvss::Severity> severity,
                        std::string fixed = "") {
  return {.id = id, .ids = {id}, .fixed_version = std::move(fixed), .severity = severity};
}

TEST(Findings, TheWorstFirstAndThresholds) {
  const Report report({match("CVE-1", cvss::Severity::low), match("CVE-2", std::nullopt, "2"),
                       match("CVE-3", cvss::Severity::critical, "1.1"),
                       match("CVE-4", cvss::Severity::none)});
  const auto findings = findings_of(report.scanned->report, Only::all);
  std::vector<std::string> ids;
  for (const Finding& finding : findings) ids.push_back(finding.match->id);
  EXPECT_THAT(ids, testing::ElementsAre("CVE-3", "CVE-1", "CVE-4", "CVE-2"));
  EXPECT_EQ(at_or_above(findings, Threshold::critical), 1U);
  EXPECT_EQ(at_or_above(findings, Threshold::high), 1U);
  EXPECT_EQ(at_or_above(findings, Threshold::low), 3U);
  EXPECT_EQ(at_or_above(findings, Threshold::unknown), 4U);
  EXPECT_EQ(findings_of(report.scanned->report, Only::fixed).size(), 2U);
  EXPECT_EQ(parse_threshold("high").value(), Threshold::high);
  EXPECT_FALSE(parse_threshold("High!"));
}

TEST(Findings, ATableIsHarmlessAndLinesUp) {
  const Report report(
      {match("CVE-1", cvss::Severity::critical, "1.1"), match("CVE-22222", cvss::Severity::low)});
  const std::string text =
      as_table(*report.scanned, findings_of(report.scanned->report, Only::all), {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, testing::HasSubstr("critical      1\n"));
  std::size_t column = 0;
  for (const std::string_view id : {"CVE-1 ", "CVE-22222 "}) {
    const std::size_t at = text.find(id);
    const std::size_t begin = text.rfind('\n', at);
    if (column != 0) EXPECT_EQ(at - begin, column);
    column = at - begin;
  }
}

TEST(Findings, WithoutAdvisoriesNothingIsClean) {
  Report report({});
  report.scanned->advisories.reset();
  const std::string text = as_table(*report.scanned, {}, {});
  EXPECT_THAT(text, testing::HasSubstr("NOT COVERED"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("critical")));
  EXPECT_THAT(as_sarif(*report.scanned, {}, "1"), testing::HasSubstr("not clean"));
  EXPECT_EQ(json::parse(as_json(*report.scanned, {})).at("notCovered").to_number<int>(), 1);
}

TEST(Sarif, OneRuleForEachVulnerability) {
  Report report({match("CVE-1", cvss::Severity::high), match("GHSA-x", std::nullopt)});
  report.scanned->report.components.push_back(report.scanned->report.components.front());
  const auto findings = findings_of(report.scanned->report, Only::all);
  const json::value log = json::parse(as_sarif(*report.scanned, findings, "1.0"));
  const json::value& run = log.at("runs").at(0);
  const json::array& rules = run.at("tool").at("driver").at("rules").as_array();
  EXPECT_EQ(rules.size(), 2U);
  EXPECT_EQ(run.at("results").as_array().size(), 4U);
  for (const json::value& result : run.at("results").as_array()) {
    EXPECT_EQ(rules.at(result.at("ruleIndex").to_number<std::size_t>()).at("id"),
              result.at("ruleId"));
    EXPECT_EQ(result.at("locations").at(0).at("physicalLocation").at("artifactLocation").at("uri"),
              "var/lib/a%20b");
  }
}

TEST(Platform, OsArchitectureAndVariant) {
  EXPECT_EQ(parse_platform("linux/arm/v7").value().variant, "v7");
  for (const std::string_view wrong : {"", "linux", "linux/", "/arm64", "a/b/c/d"}) {
    EXPECT_FALSE(parse_platform(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace holdfast::scan
