#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detect/detector.hpp"

namespace holdfast::detect {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

packages::Package named(std::string name) {
  return {.type = packages::Type::npm, .name = std::move(name), .version = "1"};
}

TEST(Found, TextsAreCleaned) {
  Found found;
  found.add(named(" a\xff\n"));
  found.add(named(" \n"));
  found.add(named(std::string(Found::kTextBytes + 10, 'n')));
  ASSERT_EQ(found.packages().size(), 2U);
  EXPECT_EQ(found.packages()[0].name, "a\xef\xbf\xbd");
  EXPECT_LE(found.packages()[1].name.size(), Found::kTextBytes);
}

TEST(Found, ItEndsByTheNumberOfPackages) {
  Found found;
  for (std::size_t i = 0; i < Found::kPackages + 5; ++i) found.add(named("a"));
  EXPECT_EQ(found.packages().size(), Found::kPackages);
  EXPECT_THAT(found.remarks(), ElementsAre(HasSubstr("more packages than are read")));
}

TEST(Found, ItEndsByTheirBytes) {
  Found found;
  const std::string name(Found::kTextBytes, 'n');
  for (std::size_t i = 0; i <= Found::kBytes / Found::kTextBytes; ++i) found.add(named(name));
  EXPECT_LE(found.packages().size() * (name.size() + 1), Found::kBytes);
  EXPECT_GT(found.packages().size(), 10'000U);
  EXPECT_THAT(found.remarks(), ElementsAre(HasSubstr("more packages than are read")));
  const std::size_t before = found.packages().size();
  found.add(named("small"));
  EXPECT_EQ(found.packages().size(), before) << "what is left out does not depend on its size";
}

TEST(Found, LicencesCountToo) {
  Found found;
  packages::Package package = named("a");
  package.licenses.assign(100, std::string(Found::kTextBytes, 'l'));
  for (int i = 0; i < 1000; ++i) found.add(package);
  EXPECT_THAT(found.remarks(), testing::Not(IsEmpty()));
  EXPECT_LT(found.packages().size(), 300U);
}

}  // namespace
}  // namespace holdfast::detect
