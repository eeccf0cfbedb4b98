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

constexpr std::string_view kPath = "app/vendor/composer/installed.json";

TEST(Php, InstalledJsonOfComposerIsWanted) {
  EXPECT_TRUE(wants_php(kPath));
  EXPECT_FALSE(wants_php("app/installed.json"));
  EXPECT_FALSE(wants_php("app/vendor/composer/composer.lock"));
}

TEST(Php, BothFormsAreRead) {
  const std::string list = R"([
    {"name": "monolog/monolog", "version": "2.3.5", "version_normalized": "2.3.5.0",
     "license": ["MIT"]},
    {"name": "symfony/yaml", "version": "v5.4.3", "license": "MIT"}])";
  for (const std::string& text :
       {list, R"({"packages": )" + list + R"(, "dev": true, "dev-package-names": []})"}) {
    const Found found = found_in(detect_php, kPath, text);
    ASSERT_THAT(listed(found), ElementsAre("monolog/monolog@2.3.5", "symfony/yaml@v5.4.3"));
    EXPECT_EQ(found.packages().front().type, packages::Type::composer);
    EXPECT_EQ(found.packages().front().detector, "composer");
    for (const packages::Package& package : found.packages()) {
      EXPECT_THAT(package.licenses, ElementsAre("MIT"));
    }
  }
}

TEST(Php, OtherJsonShowsNothing) {
  for (const std::string_view text :
       {"{}", "[]", "7", R"([7, "x", {"version": "1"}])", R"({"packages": {"a": 1}})"}) {
    EXPECT_THAT(found_in(detect_php, kPath, text).packages(), IsEmpty()) << text;
  }
  EXPECT_THAT(found_in(detect_php, kPath, "[{").remarks(), ElementsAre(HasSubstr("no JSON")));
}

}  // namespace

}  // namespace holdfast::detect
