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

constexpr std::string_view kPath =
    "usr/lib/python3/dist-packages/requests-2.28.1.dist-info/METADATA";

TEST(Python, FilesOfDistributionsAreWanted) {
  const std::pair<std::string_view, bool> cases[] = {
      {kPath, true},
      {"usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO", true},
      {"usr/lib/python2.7/dist-packages/wsgiref.egg-info", true},
      {"opt/x.egg/EGG-INFO/PKG-INFO", true},
      {"app/METADATA", false},
      {"app/PKG-INFO", false},
      {"app/x.dist-info/RECORD", false},
      {"app/XEGG-INFO/PKG-INFO", false},
  };
  for (const auto& [path, is_wanted] : cases) EXPECT_EQ(wants_python(path), is_wanted) << path;
}

TEST(Python, NameAndVersionAreOfTheHeadersAlone) {
  const Found found = found_in(detect_python, kPath,
                               "Metadata-Version: 2.1\r\nName: requests\r\nVersion: 2.28.1\r\n"
                               "Summary: Python HTTP\r\n  for Humans.\r\nLicense: Apache 2.0\r\n"
                               "\r\nName: other\r\nVersion: 9\r\n");
  ASSERT_THAT(listed(found), ElementsAre("requests@2.28.1"));
  EXPECT_THAT(found.packages().front().licenses, ElementsAre("Apache 2.0"));
  EXPECT_EQ(found.packages().front().type, packages::Type::pypi);
  EXPECT_EQ(found.packages().front().detector, "python");
  EXPECT_EQ(found.packages().front().path, kPath);
}

TEST(Python, TheBestWordForTheLicenceIsTaken) {
  const std::pair<std::string_view, std::vector<std::string>> cases[] = {
      {"License: MIT\nLicense-Expression: MIT OR Apache-2.0\n", {"MIT OR Apache-2.0"}},
      {"License: UNKNOWN\nClassifier: License :: OSI Approved :: BSD License\n", {"BSD License"}},
      {"License: Copyright (c) X\n  Permission is hereby\nClassifier: License :: OSI Approved :: "
       "MIT License\n",
       {"MIT License"}},
      {"License: Copyright (c) X\n  Permission is hereby\n", {"Copyright (c) X"}},
      {"Classifier: License :: OSI Approved\nClassifier: Programming Language :: Python\n", {}},
      {"License:\nClassifier: License :: Public Domain\n", {"Public Domain"}},
  };
  for (const auto& [headers, licenses] : cases) {
    const Found found =
        found_in(detect_python, kPath, "Name: x\nVersion: 1\n" + std::string(headers));
    ASSERT_EQ(found.packages().size(), 1U) << headers;
    EXPECT_EQ(found.packages().front().licenses, licenses) << headers;
  }
}

TEST(Python, AFileThatNamesNoPackageIsRemarked) {
  for (const std::string_view text :
       {"", "Name: x\n", "Version: 1\n", "\n\n", "  folded\n", "\xff\xfe\n", "Name:\nVersion:\n"}) {
    const Found found = found_in(detect_python, kPath, text);
    EXPECT_THAT(found.packages(), IsEmpty()) << text;
    EXPECT_THAT(found.remarks(), ElementsAre(HasSubstr("no name or no version"))) << text;
  }
}

TEST(Python, AHeaderOfAMillionFoldedLinesIsCut) {
  std::string text = "Name: x\nVersion: 1\nLicense: a\n";
  for (int i = 0; i < 1'000'000; ++i) text += " b\n";
  const Found found = found_in(detect_python, kPath, text);
  ASSERT_THAT(listed(found), ElementsAre("x@1"));
  EXPECT_THAT(found.packages().front().licenses, ElementsAre("a"));
}

}  // namespace

}  // namespace holdfast::detect
