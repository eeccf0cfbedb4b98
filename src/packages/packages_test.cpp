#include <gtest/gtest.h>

#include "packages/json.hpp"
#include "packages/package.hpp"
#include "packages/purl.hpp"

namespace holdfast::packages {
namespace {

TEST(Type, NamesGoBothWays) {
  for (const Type type : types()) EXPECT_EQ(type_of(name(type)), type);
  EXPECT_EQ(types().size(), 13U);
  EXPECT_EQ(type_of("windows"), std::nullopt);
}

TEST(Package, MemberIsWhatLiesInTheLayer) {
  EXPECT_EQ(member_of({.path = "var/lib/dpkg/status"}), "var/lib/dpkg/status");
  EXPECT_EQ(member_of({.path = "app/a.war!/WEB-INF/lib/b.jar!/c.jar"}), "app/a.war");
}

struct PurlCase {
  Package package;
  std::string_view expected;
};

// The examples of purl-spec's types where it has them.
TEST(Purl, OfEveryType) {
  const Release debian{.id = "debian", .version_id = "12"};
  const Release alma{.id = "almalinux", .version_id = "9.4"};
  const PurlCase of_distributions[] = {
      {{.type = Type::deb, .name = "libc6", .version = "2.36-9+deb12u4", .architecture = "amd64"},
       "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12"},
      {{.type = Type::deb, .name = "zlib1g", .version = "1:1.2.13.dfsg-1"},
       "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?distro=debian-12"},
  };
  for (const auto& [package, expected] : of_distributions) {
    EXPECT_EQ(purl(package, &debian), expected);
  }
  EXPECT_EQ(purl({.type = Type::rpm,
                  .name = "ImageMagick",
                  .version = "1:6.9-2.el9",
                  .architecture = "x86_64"},
                 &alma),
            "pkg:rpm/almalinux/ImageMagick@6.9-2.el9?arch=x86_64&distro=almalinux-9.4&epoch=1");
  const PurlCase others[] = {
      {{.type = Type::apk, .name = "curl", .version = "7.83.0-r0"}, "pkg:apk/curl@7.83.0-r0"},
      {{.type = Type::npm, .name = "@babel/core", .version = "7.1.0"},
       "pkg:npm/%40babel/core@7.1.0"},
      {{.type = Type::pypi, .name = "Zope.Interface__x", .version = "5.0"},
       "pkg:pypi/zope-interface-x@5.0"},
      {{.type = Type::golang,
        .name = "google.golang.org/genproto",
        .version = "v1.2.3+incompatible"},
       "pkg:golang/google.golang.org/genproto@v1.2.3%2Bincompatible"},
      {{.type = Type::maven, .name = "org.apache.xmlgraphics:batik-anim", .version = "1.9.1"},
       "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1"},
      {{.type = Type::nuget, .name = "Newtonsoft.Json", .version = "12.0.1"},
       "pkg:nuget/newtonsoft.json@12.0.1"},
      {{.type = Type::composer, .name = "Laravel/Framework", .version = "5.5.0"},
       "pkg:composer/laravel/framework@5.5.0"},
      {{.type = Type::gem, .name = "rails", .version = ""}, "pkg:gem/rails"},
      {{.type = Type::cargo, .name = "rand", .version = "0.7.2"}, "pkg:cargo/rand@0.7.2"},
      {{.type = Type::conda, .name = "absl-py", .version = "0.4.1"}, "pkg:conda/absl-py@0.4.1"},
  };
  for (const auto& [package, expected] : others) EXPECT_EQ(purl(package, nullptr), expected);
}

TEST(Purl, ReadBack) {
  const auto rpm = parse_purl("pkg:rpm/almalinux/ImageMagick@6.9-2.el9?arch=x86_64&epoch=1");
  ASSERT_TRUE(rpm.has_value());
  EXPECT_EQ(rpm->package.name, "ImageMagick");
  EXPECT_EQ(rpm->package.version, "1:6.9-2.el9");
  EXPECT_EQ(rpm->distribution, "almalinux");
  for (const Package& package :
       {Package{.type = Type::npm, .name = "@babel/core", .version = "7.1.0"},
        Package{.type = Type::maven, .name = "org.apache.xmlgraphics:batik", .version = "1.9.1"},
        Package{.type = Type::golang, .name = "golang.org/x/text", .version = "v0.3.7+x"}}) {
    EXPECT_EQ(parse_purl(purl(package, nullptr))->package, package) << package.name;
  }
}

TEST(Json, GoesBothWays) {
  const Layer layer{.packages = {{.type = Type::deb,
                                  .name = "bash",
                                  .version = "5.2.15-2+b2",
                                  .architecture = "amd64",
                                  .source_name = "bash",
                                  .source_version = "5.2.15-2",
                                  .licenses = {"GPL-3.0-or-later", "a \"quoted\" one\n"},
                                  .path = "var/lib/dpkg/status",
                                  .detector = "dpkg"},
                                 {.type = Type::npm,
                                  .name = "x",
                                  .version = "1",
                                  .module = "m",
                                  .path = "p/package.json",
                                  .owner = "node-x",
                                  .detector = "npm"}},
                    .release = Release{.id = "debian",
                                       .version_id = "12",
                                       .pretty_name = "D",
                                       .cpe_name = "c",
                                       .path = "usr/lib/os-release"},
                    .databases = {"var/lib/dpkg/status"},
                    .files = {"a", "b"},
                    .removed = {"c"},
                    .emptied = {"d"},
                    .is_windows = true,
                    .size_bytes = 123,
                    .diff_id = "sha256:ab",
                    .remarks = {"e"}};
  const auto read = parse_layer(to_json(layer));
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(*read, layer);

  const auto empty = parse_layer(to_json({}));
  ASSERT_TRUE(empty) << describe(empty.error());
  EXPECT_EQ(*empty, Layer{});
}

TEST(Json, FilesComeSortedAndOnce) {
  const auto read = parse_layer(R"({"files": ["b", "a", "b"]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->files, (std::vector<std::string>{"a", "b"}));
}

TEST(Json, WhatIsNoReportIsRefused) {
  for (const std::string_view text :
       {"", "[]", "{\"packages\": 1}", "{\"packages\": [1]}",
        "{\"packages\": [{\"type\": \"deb\"}]}", R"({"packages": [{"type": "exe", "name": "a"}]})",
        R"({"packages": [{"type": "deb", "name": 1}]})",
        R"({"packages": [{"type": "deb", "name": "a", "licenses": [1]}]})", R"({"files": {}})",
        R"({"size": -1})", R"({"size": "1"})", R"({"windows": 1})", R"({"diffID": 1})",
        "{\"diffID\": \"\xff\"}", R"({"a":[[[[[[1]]]]]]})"}) {
    const auto read = parse_layer(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::corrupt) << text;
    EXPECT_EQ(read.error().reason, kReportInvalid) << text;
  }
}

}  // namespace
}  // namespace holdfast::packages
