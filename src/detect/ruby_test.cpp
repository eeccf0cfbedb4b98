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

constexpr std::string_view kPath = "var/lib/gems/3.1.0/specifications/rack-2.2.3.gemspec";

TEST(Ruby, SpecificationsOfInstalledGemsAreWanted) {
  EXPECT_TRUE(wants_ruby(kPath));
  EXPECT_TRUE(wants_ruby("usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec"));
  EXPECT_FALSE(wants_ruby("var/lib/gems/3.1.0/gems/rack-2.2.3/rack.gemspec"));
  EXPECT_FALSE(wants_ruby("var/lib/gems/3.1.0/specifications/rack-2.2.3.gemspec.bak"));
}

TEST(Ruby, StubAndAttributesAreRead) {
  const Found found = found_in(detect_ruby, kPath, R"(# -*- encoding: utf-8 -*-
# stub: rack 2.2.3 ruby lib

Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.version = "2.2.3"

  s.required_rubygems_version = Gem::Requirement.new(">= 0".freeze) if s.respond_to? :x=
  s.authors = ["Leah Neukirchen".freeze]
  s.licenses = ["MIT".freeze, 'Ruby'.freeze]
  s.rubygems_version = "3.3.5".freeze
end
)");
  ASSERT_THAT(listed(found), ElementsAre("rack@2.2.3"));
  EXPECT_THAT(found.packages().front().licenses, ElementsAre("MIT", "Ruby"));
  EXPECT_EQ(found.packages().front().type, packages::Type::gem);
  EXPECT_EQ(found.packages().front().detector, "gem");
}

TEST(Ruby, AttributesAloneAreEnough) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"  s.name = 'rake'\n  s.version = '13.0.6'\n", "rake@13.0.6"},
      {"  spec.name    = \"nokogiri\"\n  spec.version = Gem::Version.new(\"1.13.0\")\n",
       "nokogiri@1.13.0"},
      {"# stub: x86 1.0 x86_64-linux lib\n", "x86@1.0"},
      {"# stub: broken\n  s.name = \"a\"\n  s.version = \"1\"\n", "a@1"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(listed(found_in(detect_ruby, kPath, text)), ElementsAre(std::string(expected)));
  }
}

TEST(Ruby, WhatHasNoTextForANameIsRemarked) {
  for (const std::string_view text : {"", "s.name = NAME\ns.version = VERSION\n", "s.name = \"a\n",
                                      "# stub: \n", "\xff = \"\n"}) {
    const Found found = found_in(detect_ruby, kPath, text);
    EXPECT_THAT(found.packages(), IsEmpty()) << text;
    EXPECT_THAT(found.remarks(), ElementsAre(HasSubstr("no name or no version"))) << text;
  }
}

}  // namespace

}  // namespace holdfast::detect
