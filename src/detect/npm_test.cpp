#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detect/finding.hpp"
#include "detect/languages.hpp"

namespace holdfast::detect {

namespace {

using ::testing::ElementsAre;
using testing::found_in;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::listed;

TEST(Npm, FilesOfPackagesAreWanted) {
  const std::pair<std::string_view, bool> cases[] = {
      {"usr/lib/node_modules/npm/package.json", true},
      {"app/node_modules/@babel/core/package.json", true},
      {"app/node_modules/next/dist/compiled/semver/package.json", true},
      {"app/package.json", true},
      {"app/tests/package.json", true},
      {"package.json", true},
      {"app/node_modules/test/package.json", true},
      {"app/node_modules/@scope/test/package.json", true},
      {"app/node_modules/resolve/test/resolver/multirepo/package.json", false},
      {"app/node_modules/@scope/name/examples/package.json", false},
      {"app/node_modules/@/package.json", true},
      {"app/node_modules/package.json", true},
      {"app/package-lock.json", false},
      {"app/xpackage.json", false},
  };
  for (const auto& [path, is_wanted] : cases) EXPECT_EQ(wants_npm(path), is_wanted) << path;
}

TEST(Npm, NameVersionAndLicenceAreTaken) {
  const Found found = found_in(detect_npm, "app/node_modules/lodash/package.json",
                               R"({"name": "lodash", "version": "4.17.20", "license": "MIT"})");
  ASSERT_THAT(listed(found), ElementsAre("lodash@4.17.20"));
  const packages::Package& package = found.packages().front();
  EXPECT_EQ(package.type, packages::Type::npm);
  EXPECT_EQ(package.path, "app/node_modules/lodash/package.json");
  EXPECT_EQ(package.detector, "npm");
  EXPECT_THAT(package.licenses, ElementsAre("MIT"));
}

TEST(Npm, LicencesOfOldFormsAreTaken) {
  const std::pair<std::string_view, std::vector<std::string>> cases[] = {
      {R"({"license": {"type": "BSD-3-Clause", "url": "https://…"}})", {"BSD-3-Clause"}},
      {R"({"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]})", {"MIT", "GPL-2.0"}},
      {R"({"license": ["MIT", "Apache-2.0"]})", {"MIT", "Apache-2.0"}},
      {R"x({"license": "(MIT OR CC0-1.0)"})x", {"(MIT OR CC0-1.0)"}},
      {R"({"license": 7, "licenses": {"a": 1}})", {}},
  };
  for (const auto& [members, licenses] : cases) {
    const std::string text =
        R"({"name": "x", "version": "1.0.0", )" + std::string(members.substr(1));
    const Found found = found_in(detect_npm, "package.json", text);
    ASSERT_EQ(found.packages().size(), 1U) << text;
    EXPECT_EQ(found.packages().front().licenses, licenses) << text;
  }
}

TEST(Npm, AFileWithoutNameOrVersionIsNoPackage) {
  for (const std::string_view text :
       {R"({"type": "module"})", R"({"name": "app"})", R"({"version": "1"})", R"([])", R"("x")",
        R"({"name": ["x"], "version": 1})"}) {
    const Found found = found_in(detect_npm, "package.json", text);
    EXPECT_THAT(found.packages(), IsEmpty()) << text;
    EXPECT_THAT(found.remarks(), IsEmpty()) << text;
  }
}

TEST(Npm, WhatNodeReadsIsRead) {
  EXPECT_THAT(listed(found_in(detect_npm, "package.json",
                              "\xef\xbb\xbf{\"name\":\"a\",\"version\":\"1\",\"version\":\"2\"}")),
              ElementsAre("a@2"));
  EXPECT_THAT(
      listed(found_in(detect_npm, "package.json", "{\"name\":\"a\xff\",\"version\":\"1\"}")),
      ElementsAre("a\xef\xbf\xbd@1"));
}

TEST(Npm, BrokenJsonIsRemarked) {
  const std::string deep = R"({"name":"a","version":"1","x":)" + std::string(100'000, '[');
  for (const std::string& text : {std::string("{\"name\": \"a\""), std::string(), deep}) {
    const Found found = found_in(detect_npm, "app/package.json", text);
    EXPECT_THAT(found.packages(), IsEmpty());
    EXPECT_THAT(found.remarks(), ElementsAre(HasSubstr("app/package.json: no JSON")));
  }
}

TEST(Npm, JsonThatTakesTooMuchMemoryIsRemarked) {
  std::string text = R"({"name":"a","version":"1","x":[)";
  for (int i = 0; i < 8'000'000; ++i) text += "1,";
  const Found found = found_in(detect_npm, "app/package.json", text + "1]}");
  EXPECT_THAT(found.packages(), IsEmpty());
  EXPECT_THAT(found.remarks(), ElementsAre(HasSubstr("app/package.json: its JSON takes more")));
}

}  // namespace

}  // namespace holdfast::detect
