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

constexpr std::string_view kPath = "opt/conda/conda-meta/openssl-1.1.1q-h7f8727e_0.json";

TEST(Conda, RecordsOfAnEnvironmentAreWanted) {
  EXPECT_TRUE(wants_conda(kPath));
  EXPECT_FALSE(wants_conda("opt/conda/conda-meta/history"));
  EXPECT_FALSE(wants_conda("opt/conda/pkgs/openssl/info/index.json"));
}

TEST(Conda, ARecordIsRead) {
  const Found found = found_in(detect_conda, kPath,
                               R"({"build": "h7f8727e_0", "build_number": 0, "license": "OpenSSL",
      "name": "openssl", "version": "1.1.1q", "files": ["bin/openssl"]})");
  ASSERT_THAT(listed(found), ElementsAre("openssl@1.1.1q"));
  EXPECT_THAT(found.packages().front().licenses, ElementsAre("OpenSSL"));
  EXPECT_EQ(found.packages().front().type, packages::Type::conda);
  EXPECT_EQ(found.packages().front().detector, "conda");
}

TEST(Conda, OtherJsonShowsNothing) {
  for (const std::string_view text : {"{}", "[]", R"({"name": "x"})", R"({"version": "1"})"}) {
    EXPECT_THAT(found_in(detect_conda, kPath, text).packages(), IsEmpty()) << text;
  }
  EXPECT_THAT(found_in(detect_conda, kPath, "").remarks(), ElementsAre(HasSubstr("no JSON")));
}

}  // namespace

}  // namespace holdfast::detect
