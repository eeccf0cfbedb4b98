#include "detect/layer.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#ifdef HOLDFAST_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif
#include <stdlib.h>
#include <vector>

#include "detect/distributions.hpp"
#include "detect/tree.hpp"

namespace holdfast::detect {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kStatus =
    "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b2\n"
    "Source: bash (5.2.15-2)\nDescription: a shell\n Version: 0\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
    "Package: half\r\nStatus: install ok half-configured\r\nVersion: 1:2.0\r\n";

// A tar, as bytes.
class Tar {
 public:
  Tar& file(std::string_view name, std::string_view content) {
    return member(name, content, '0', "");
  }
  Tar& folder(std::string_view name) { return member(name, "", '5', ""); }
  Tar& symlink(std::string_view name, std::string_view target) {
    return member(name, "", '2', target);
  }
  Tar& hard_link(std::string_view name, std::string_view target) {
    return member(name, "", '1', target);
  }
  Tar& null_device(std::string_view name) { return member(name, "", '3', ""); }
  [[nodiscard]] std::string bytes() const { return bytes_ + std::string(1024, '\0'); }

 private:
  Tar& member(std::string_view name, std::string_view content, char type, std::string_view target) {
    std::string head(512, '\0');
    // Long names in the way of GNU.
    if (name.size() > 100) member("././@LongLink", std::string(name) + '\0', 'L', "");
    const auto put = [&](std::size_t at, std::string_view text) {
      std::ranges::copy(text, head.begin() + static_cast<std::ptrdiff_t>(at));
    };
    put(0, name.substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", content.size()));
    put(136, "00000000000");
    put(148, "        ");
    head[156] = type;
    put(157, target.substr(0, 100));
    put(257, std::string_view("ustar\0"
                              "00",
                              8));
    put(329, "0000000");
    put(337, "0000000");
    unsigned sum = 0;
    for (const char c : head) sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum));
    head[154] = '\0';
    bytes_ += head;
    bytes_ += content;
    bytes_.append((512 - content.size() % 512) % 512, '\0');
    return *this;
  }
  std::string bytes_;
};

std::string packed(const std::string& bytes, bool zstd) {
  std::string out(bytes.size() + 10'000, '\0');
  std::size_t size = 0;
  archive* handle = archive_write_new();
  archive_write_set_format_raw(handle);
  zstd ? archive_write_add_filter_zstd(handle) : archive_write_add_filter_gzip(handle);
  archive_write_set_bytes_in_last_block(handle, 1);
  archive_write_open_memory(handle, out.data(), out.size(), &size);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(handle, entry);
  archive_write_data(handle, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(handle);
  archive_write_free(handle);
  out.resize(size);
  return out;
}

Pull from(std::string bytes) {
  return [bytes = std::move(bytes),
          at = std::size_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
    const std::size_t size = std::min({into.size(), bytes.size() - at, std::size_t{1000}});
    std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()) + at, size, into.data());
    at += size;
    return size;
  };
}

void detect_name(const File& file, Found& found) {
  found.add({.type = packages::Type::npm,
             .name = std::string(file.bytes),
             .version = "1",
             .path = std::string(file.path),
             .detector = "test"});
}
constexpr Detector kNames[] = {
    {.name = "test",
     .wants = [](std::string_view path) { return path.ends_with("package.json"); },
     .size_bytes_at_most = 100,
     .detect = detect_name}};
void detect_elf(const File& file, Found& found) {
  found.add({.type = packages::Type::golang,
             .name = fmt::format("{} bytes", file.bytes.size()),
             .version = "1",
             .path = std::string(file.path),
             .detector = "test"});
}

LayerOptions options() { return {.detectors = kNames, .detect_program = detect_elf}; }

Result<LayerRead> try_read(const std::string& bytes, const LayerOptions& how = options()) {
  return read_layer(from(bytes), how);
}
packages::Layer read(const Tar& tar, const LayerOptions& how = options()) {
  auto got = try_read(tar.bytes(), how);
  EXPECT_TRUE(got) << describe(got.error());
  if (!got) return {};
  EXPECT_THAT(got->again, IsEmpty());
  return got->layer;
}
std::vector<std::string> names(const packages::Layer& layer) {
  std::vector<std::string> found;
  for (const auto& package : layer.packages) {
    found.push_back(package.name + " " + package.version + " " + package.path);
  }
  return found;
}

TEST(Layer, PackagesOfDpkg) {
  const packages::Layer layer = read(Tar().file("var/lib/dpkg/status", kStatus));
  EXPECT_THAT(names(layer), ElementsAre("bash 5.2.15-2+b2 var/lib/dpkg/status",
                                        "half 1:2.0 var/lib/dpkg/status"));
  EXPECT_EQ(layer.packages[0].source_version, "5.2.15-2");
  EXPECT_EQ(layer.packages[1].source_name, "half");
  EXPECT_THAT(layer.databases, ElementsAre("var/lib/dpkg/status"));
  EXPECT_THAT(layer.files, ElementsAre("var/lib/dpkg/status"));
}

TEST(Layer, DistrolessFilesBesideTheirSums) {
  const packages::Layer layer =
      read(Tar()
               .file("var/lib/dpkg/status.d/a", "Package: a\nVersion: 1\n")
               .file("var/lib/dpkg/status.d/a.md5sums", "0123  usr/lib/x/package.json\n")
               .file("usr/lib/x/package.json", "x"));
  EXPECT_THAT(names(layer), testing::UnorderedElementsAre("a 1 var/lib/dpkg/status.d/a",
                                                          "x 1 usr/lib/x/package.json"));
  EXPECT_THAT(layer.databases, IsEmpty());
  EXPECT_EQ(layer.packages.front().owner, "a");
}

TEST(Layer, PlainGzipAndZstdAreTheSame) {
  const std::string tar = Tar().file("var/lib/dpkg/status", kStatus).bytes();
  const auto plain = try_read(tar);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->layer.size_bytes, tar.size());
  for (const bool zstd : {false, true}) {
    const auto other = try_read(packed(tar, zstd));
    ASSERT_TRUE(other) << describe(other.error());
    EXPECT_EQ(other->layer, plain->layer);
    EXPECT_TRUE(other->layer.diff_id.starts_with("sha256:"));
  }
}

TEST(Layer, NamesInOneForm) {
  const packages::Layer layer = read(Tar()
                                         .file("./a/./package.json", "one")
                                         .file("/b//package.json", "two")
                                         .file("c/../../../d/package.json", "three")
                                         .file("e\xff/package.json", "four")
                                         .folder("./"));
  EXPECT_THAT(layer.files, ElementsAre("a/package.json", "b/package.json", "d/package.json",
                                       "e\xef\xbf\xbd/package.json"));
  EXPECT_EQ(layer.packages.size(), 4U);
  EXPECT_EQ(layer.packages.back().path, "e\xef\xbf\xbd/package.json");
}

TEST(Layer, TheLastOfDoublesCounts) {
  const packages::Layer layer = read(Tar()
                                         .file("a/package.json", "first")
                                         .file("a/package.json", "second")
                                         .file("var/lib/dpkg/status", "Package: x\nVersion: 1\n")
                                         .file("var/lib/dpkg/status", kStatus)
                                         .file("b/package.json", "third")
                                         .symlink("b/package.json", "nowhere"));
  EXPECT_THAT(names(layer), testing::UnorderedElementsAre("second 1 a/package.json",
                                                          "bash 5.2.15-2+b2 var/lib/dpkg/status",
                                                          "half 1:2.0 var/lib/dpkg/status"));
}

// As fast as any other layer, whatever else was found.
TEST(Layer, AMemberThatComesAgainAndAgain) {
  Tar tar;
  for (int i = 0; i < 30'000; ++i) tar.file(fmt::format("{}/package.json", i), "once");
  for (int i = 0; i < 30'000; ++i) tar.file("0/package.json", fmt::format("{}", i));
  const auto begin = std::chrono::steady_clock::now();
  const packages::Layer layer = read(tar);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  EXPECT_EQ(layer.packages.size(), 30'000U);
  EXPECT_THAT(names(layer), Contains("29999 1 0/package.json"));
}

TEST(Layer, Whiteouts) {
  const packages::Layer layer = read(Tar()
                                         .file("a/.wh.gone", "")
                                         .file("a/b/.wh..wh..opq", "")
                                         .file(".wh..wh..opq", "")
                                         .file(".wh.top", "")
                                         .file(".wh..wh.plnk", "")
                                         .file("c/.wh.", "")
                                         .null_device("d/e"));
  EXPECT_THAT(layer.removed, ElementsAre("a/gone", "d/e", "top"));
  EXPECT_THAT(layer.emptied, ElementsAre("", "a/b"));
  EXPECT_THAT(layer.files, IsEmpty());
}

struct Linked {
  std::string_view what;
  Tar tar;
  std::string_view member;  // "": not found
};

TEST(Layer, ADatabaseBehindLinksInTheLayer) {
  const std::string release = "ID=debian\nVERSION_ID=\"12\"\n";
  const Linked cases[] = {
      {"relative",
       Tar().file("usr/lib/os-release", release).symlink("etc/os-release", "../usr/lib/os-release"),
       "usr/lib/os-release"},
      {"absolute",
       Tar().symlink("etc/os-release", "/usr/lib/os-release").file("usr/lib/os-release", release),
       "usr/lib/os-release"},
      {"above the root",
       Tar()
           .symlink("etc/os-release", "../../../usr/lib/os-release")
           .file("usr/lib/os-release", release),
       "usr/lib/os-release"},
      {"of a folder",
       Tar()
           .symlink("etc", "usr/etc")
           .symlink("usr/etc", "/usr/lib")
           .file("usr/lib/os-release", release),
       "usr/lib/os-release"},
      {"a circle", Tar().symlink("etc/os-release", "os-release"), ""},
      {"two in a circle", Tar().symlink("etc", "usr").symlink("usr", "etc"), ""},
      {"to nothing", Tar().symlink("etc/os-release", "/nowhere"), ""},
      {"replaced later",
       Tar().symlink("etc/os-release", "/nowhere").file("etc/os-release", release),
       "etc/os-release"},
  };
  for (const auto& [what, tar, member] : cases) {
    const packages::Layer layer = read(tar);
    EXPECT_EQ(layer.release ? layer.release->path : "", member) << what;
  }
}

TEST(Layer, WhatLinksLeadToIsAskedForOnce) {
  for (const bool hard : {false, true}) {
    Tar tar;
    tar.file("data/x", kStatus);
    hard ? tar.hard_link("var/lib/dpkg/status", "data/x")
         : tar.symlink("var/lib/dpkg", "/data").file("data/status", kStatus);
    const std::string wanted = hard ? "data/x" : "data/status";
    const auto first = try_read(tar.bytes());
    ASSERT_TRUE(first);
    EXPECT_THAT(first->again, ElementsAre(wanted));
    LayerOptions again = options();
    again.also_kept = {wanted};
    EXPECT_THAT(names(read(tar, again)), Contains("bash 5.2.15-2+b2 " + wanted));
  }
}

TEST(Layer, AFileOfALanguageThatIsAHardLink) {
  Tar tar;
  tar.file("store/ab", "linked").hard_link("app/package.json", "store/ab");
  const auto first = try_read(tar.bytes());
  ASSERT_TRUE(first);
  EXPECT_THAT(first->again, ElementsAre("store/ab"));
  LayerOptions again = options();
  again.also_kept = {"store/ab"};
  EXPECT_THAT(names(read(tar, again)), ElementsAre("linked 1 app/package.json"));
  EXPECT_THAT(
      names(read(Tar().file("a/package.json", "x").hard_link("b/package.json", "a/package.json"))),
      ElementsAre("x 1 a/package.json"));
}

TEST(Layer, OwnersByTheListsOfTheDistribution) {
  const packages::Layer layer =
      read(Tar()
               .file("usr/lib/node/package.json", "merged")
               .file("srv/package.json", "free")
               .file("var/lib/dpkg/info/node-x:amd64.list",
                     "/.\n/lib\n/lib/node\n/lib/node/package.json\n")
               .file("lib/apk/db/installed",
                     "P:busybox\nV:1-r0\no:busybox\nF:srv/apk\nR:package.json\n\n")
               .file("srv/apk/package.json", "of apk"));
  std::vector<std::string> owners;
  for (const auto& package : layer.packages) {
    if (package.detector == "test") owners.push_back(package.name + ": " + package.owner);
  }
  EXPECT_THAT(owners, testing::UnorderedElementsAre("merged: node-x", "free: ", "of apk: busybox"));
}

TEST(Layer, LicencesOfDebian) {
  const packages::Layer layer = read(
      Tar()
          .file("usr/share/doc/bash/copyright",
                "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
                "\nFiles: *\nLicense: GPL-3+\n text\n\nFiles: a\nLicense: MIT\n\nLicense: GPL-3+\n")
          .file("usr/share/doc/half/copyright", "License: as you like\n")
          .file("var/lib/dpkg/status", kStatus));
  EXPECT_THAT(layer.packages[0].licenses, ElementsAre("GPL-3+", "MIT"));
  EXPECT_THAT(layer.packages[1].licenses, IsEmpty());
}

TEST(Layer, ProgramsByTheirMagicWhateverTheirName) {
  const std::string program =
      "\x7f"
      "ELF" +
      std::string(300'000, 'x');
  const packages::Layer layer =
      read(Tar().file("x", program).file("y.sh", "#!/bin/sh").file("z", ""));
  EXPECT_THAT(names(layer), ElementsAre("300004 bytes 1 x"));
}

TEST(Layer, AlpineByItsTwoFiles) {
  const packages::Layer layer =
      read(Tar().file("etc/alpine-release", "3.18.4\n").file("etc/os-release", "ID=alpine\n"));
  EXPECT_EQ(layer.release->version_id, "3.18.4");
  EXPECT_EQ(read(Tar().file("etc/alpine-release", "3.9.0")).release->id, "alpine");
}

TEST(Layer, OsReleaseAsAShellReadsIt) {
  const packages::Layer layer = read(Tar().file(
      "etc/os-release",
      "# c\nID='alma\\linux'\r\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"A \\\"B\\\"\"\nNONSENSE\n"));
  EXPECT_EQ(layer.release->id, "alma\\linux");
  EXPECT_EQ(layer.release->version_id, "9.4");
  EXPECT_EQ(layer.release->pretty_name, "A \"B\"");
  EXPECT_FALSE(read(Tar().file("etc/os-release", "NAME=x\n")).release);
}

TEST(Layer, OfWindows) {
  EXPECT_TRUE(read(Tar().folder("Files").file("Files/a", "").file("Hives/b", "")).is_windows);
  EXPECT_FALSE(read(Tar().file("Files/a", "").file("Hives/b", "").file("etc/x", "")).is_windows);
}

TEST(Layer, NothingIsALayerToo) {
  EXPECT_THAT(read(Tar()).files, IsEmpty());
  const auto empty = try_read("");
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->layer.size_bytes, 0U);
}

TEST(Layer, WhatIsNoArchiveOrCutOffSaysSo) {
  const std::string tar = Tar().file("a", std::string(5000, 'x')).bytes();
  const std::string gzip = packed(tar, false);
  for (const std::string& bytes :
       {std::string("no archive at all, however long it is").append(2000, '.'), tar.substr(0, 3000),
        gzip.substr(0, gzip.size() / 2), packed(tar, true).substr(0, 30)}) {
    const auto got = try_read(bytes);
    ASSERT_FALSE(got) << bytes.substr(0, 20);
    EXPECT_EQ(got.error().reason, kUnreadable);
  }
}

TEST(Layer, ABombEndsAtItsLimit) {
  LayerOptions small = options();
  small.unpacked_bytes = 1 << 20;
  const std::string zeros(8 << 20, '\0');
  const auto got = try_read(packed(Tar().file("a", zeros).bytes(), false), small);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, kTooLarge);
  EXPECT_THAT(got.error().message, HasSubstr("1.0 MiB"));
}

TEST(Layer, TooManyNames) {
  Tar tar;
  const std::string deep(90, 'd');
  for (std::size_t i = 0; i * deep.size() < kNamesBytes + 1000; ++i)
    tar.file(fmt::format("{}{}", deep, i), "");
  const auto got = try_read(tar.bytes());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, kTooLarge);
  EXPECT_FALSE(try_read(Tar().file(std::string(5000, 'n'), "").bytes()));
}

TEST(Layer, FilesThatAreTooLargeAreLeftOutWithARemark) {
  const packages::Layer layer =
      read(Tar().file("a/package.json", std::string(101, 'x')).file("b/package.json", "b"));
  EXPECT_THAT(names(layer), ElementsAre("b 1 b/package.json"));
  EXPECT_THAT(layer.remarks, ElementsAre(HasSubstr("a/package.json: larger than the 100 B")));
}

TEST(Layer, AnErrorOfTheSourceComesBack) {
  const auto got = read_layer(
      [](std::span<std::byte>) -> Result<std::size_t> {
        return fail(ErrorCode::unavailable, "away", "the store is away");
      },
      options());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "away");
}

TEST(Rpm, WhatIsNoDatabaseIsARemark) {
  prepare_rpm();
#ifdef HOLDFAST_SANITIZED
  // librpm keeps what it opened of a broken SQLite file; the worker does not live long enough to
  // mind.
  const __lsan::ScopedDisabler librpms_own;
#endif
  std::string folder = (std::filesystem::temp_directory_path() / "holdfast-rpm-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  LayerOptions how = options();
  how.scratch_folder = folder;
  for (const std::string_view path : rpm_databases()) {
    const packages::Layer layer = read(Tar().file(path, "SQLite format 3, or not"), how);
    EXPECT_THAT(layer.databases, ElementsAre(std::string(path)));
    EXPECT_THAT(layer.packages, IsEmpty());
    EXPECT_THAT(layer.remarks, testing::SizeIs(1)) << path;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::detect
