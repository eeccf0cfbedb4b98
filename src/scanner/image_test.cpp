#include "scanner/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace holdfast::scanner {
namespace {

using packages::Layer;
using packages::Package;
using packages::Type;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kStatus = "var/lib/dpkg/status";

Package deb(std::string name, std::string version) {
  return {.type = Type::deb,
          .name = std::move(name),
          .version = std::move(version),
          .architecture = "amd64",
          .path = std::string(kStatus)};
}

Package npm(std::string name, std::string path) {
  return {.type = Type::npm, .name = std::move(name), .version = "1.0.0", .path = std::move(path)};
}

Layer with_database(std::vector<Package> packages) {
  return {.packages = std::move(packages),
          .databases = {std::string(kStatus)},
          .files = {std::string(kStatus)}};
}

Layer with_files(std::vector<Package> packages) {
  Layer layer{.packages = std::move(packages)};
  for (const Package& package : layer.packages) {
    layer.files.emplace_back(packages::member_of(package));
  }
  return layer;
}

Image assembled(const std::vector<Layer>& layers) {
  std::vector<const Layer*> pointers;
  for (const Layer& layer : layers) pointers.push_back(&layer);
  auto image = assemble(pointers);
  EXPECT_TRUE(image) << describe(image.error());
  return image ? *image : Image{};
}

// "name version" of what is there, with the layer that it counts for.
std::vector<std::string> present(const std::vector<Layer>& layers) {
  const Image image = assembled(layers);
  std::vector<std::string> found;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const Brought& brought : image.layers[i]) {
      if (!brought.is_present) continue;
      const Package& package = layers[i].packages[brought.package];
      found.push_back(std::to_string(i) + " " + package.name + " " + package.version);
    }
  }
  return found;
}

TEST(Assemble, ADatabaseCountsOnceAndForTheLayerThatBroughtThePackage) {
  const std::vector<Layer> layers = {
      with_database({deb("bash", "5.2"), deb("curl", "7.88")}),
      with_database({deb("bash", "5.2"), deb("curl", "7.88"), deb("git", "2.39")}),
      with_database({deb("bash", "5.2"), deb("curl", "8.0"), deb("git", "2.39")})};
  EXPECT_THAT(present(layers), ElementsAre("0 bash 5.2", "1 git 2.39", "2 curl 8.0"));
  const Image image = assembled(layers);
  EXPECT_THAT(image.layers[0], ElementsAre(Brought{0, true}, Brought{1, false}));
  EXPECT_THAT(image.layers[1], ElementsAre(Brought{2, true}));
  EXPECT_THAT(image.layers[2], ElementsAre(Brought{1, true}));
}

TEST(Assemble, WhatWasPurgedStaysInItsLayersList) {
  const std::vector<Layer> layers = {with_database({deb("bash", "5.2"), deb("curl", "7.88")}),
                                     with_database({deb("bash", "5.2")})};
  EXPECT_THAT(present(layers), ElementsAre("0 bash 5.2"));
  EXPECT_EQ(assembled(layers).layers[0].size(), 2U);
}

TEST(Assemble, WhatComesBackWasBroughtAgain) {
  EXPECT_THAT(present({with_database({deb("curl", "7.88")}), with_database({}),
                       with_database({deb("curl", "7.88")})}),
              ElementsAre("2 curl 7.88"));
}

TEST(Assemble, WhiteoutsTakeAwayWhatIsBelow) {
  const std::string path = "app/node_modules/a/package.json";
  const Layer below = with_files({npm("a", path)});
  for (const std::string_view removed :
       {"app", "app/node_modules", "app/node_modules/a/package.json"}) {
    EXPECT_THAT(present({below, {.removed = {std::string(removed)}}}), IsEmpty()) << removed;
  }
  for (const std::string_view emptied : {"", "app", "app/node_modules", "app/node_modules/a"}) {
    EXPECT_THAT(present({below, {.emptied = {std::string(emptied)}}}), IsEmpty()) << emptied;
  }
  for (const std::string_view other : {"ap", "app/node", "app/node_modules/a/package.jso", "b"}) {
    EXPECT_THAT(
        present({below, {.removed = {std::string(other)}, .emptied = {std::string(other)}}}),
        ElementsAre("0 a 1.0.0"))
        << other;
  }
}

TEST(Assemble, AWhiteoutAndAFileOfOneLayer) {
  Layer above = with_files({npm("b", "app/node_modules/b/package.json")});
  above.removed = {"app/node_modules/b"};
  above.emptied = {"app"};
  EXPECT_THAT(present({with_files({npm("a", "app/node_modules/a/package.json"),
                                   npm("b", "app/node_modules/b/package.json")}),
                       above}),
              ElementsAre("1 b 1.0.0"));
}

TEST(Assemble, AFileInTheWayOfAFolderTakesWhatIsInIt) {
  EXPECT_THAT(present({with_files({npm("a", "app/node_modules/a/package.json")}),
                       {.files = {"app/node_modules"}}}),
              IsEmpty());
  EXPECT_THAT(present({with_files({npm("a", "app/a.jar!/META-INF/b")}), {.files = {"app/a.jar"}}}),
              IsEmpty());
}

TEST(Assemble, ADatabaseThatIsRemovedLeavesNothing) {
  EXPECT_THAT(present({with_database({deb("bash", "5.2")}), {.removed = {"var/lib"}}}), IsEmpty());
}

TEST(Assemble, FilesOfDistrolessStandBesideEachOther) {
  Package a = deb("a", "1");
  a.path = "var/lib/dpkg/status.d/a";
  Package b = deb("b", "1");
  b.path = "var/lib/dpkg/status.d/b";
  EXPECT_THAT(present({with_files({a}), with_files({b})}), ElementsAre("0 a 1", "1 b 1"));
}

TEST(Assemble, OneDatabaseOfRpmCounts) {
  const auto layer = [](std::string path, std::vector<std::string> names) {
    Layer made{.databases = {path}, .files = {path}};
    for (std::string& name : names) {
      made.packages.push_back(
          {.type = Type::rpm, .name = std::move(name), .version = "1-1", .path = path});
    }
    return made;
  };
  EXPECT_THAT(present({layer("var/lib/rpm/Packages", {"bash", "curl"}),
                       layer("usr/lib/sysimage/rpm/rpmdb.sqlite", {"bash"})}),
              ElementsAre("0 bash 1-1"));
}

TEST(Assemble, TheTopmostReleaseThatIsThere) {
  const Layer debian{.release = packages::Release{.id = "debian", .path = "usr/lib/os-release"},
                     .files = {"usr/lib/os-release"}};
  const Layer alpine{.release = packages::Release{.id = "alpine", .path = "etc/os-release"},
                     .files = {"etc/os-release"}};
  EXPECT_EQ(assembled({debian, alpine}).release_layer, 1U);
  EXPECT_EQ(assembled({debian, {.removed = {"usr/lib"}}}).release_layer, std::nullopt);
  EXPECT_EQ(assembled({debian, {.files = {"a"}}}).release_layer, 0U);
}

TEST(Assemble, ALayerThatCouldNotBeReadIsPassedOver) {
  const Layer layer = with_files({npm("a", "a/package.json")});
  const Layer* const layers[] = {&layer, nullptr, &layer};
  const auto image = assemble(layers);
  ASSERT_TRUE(image);
  EXPECT_THAT(image->layers[1], IsEmpty());
  EXPECT_THAT(image->layers[0], ElementsAre(Brought{0, false}));
  EXPECT_THAT(image->layers[2], ElementsAre(Brought{0, true}));
}

TEST(Assemble, WhatWouldTakeMinutesIsRefused) {
  Layer wide;
  for (int i = 0; i < 100'000; ++i) {
    wide.packages.push_back(npm("a", std::to_string(i)));
  }
  Layer above{.files = {"other"}};
  std::vector<const Layer*> layers(400, &above);
  layers.front() = &wide;
  const auto image = assemble(layers);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().reason, kImageTooLarge);
}

}  // namespace
}  // namespace holdfast::scanner
