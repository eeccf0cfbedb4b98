#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detect/binaries.hpp"
#include "detect/finding.hpp"
#include "detect/languages.hpp"

namespace holdfast::detect {

namespace {

using ::testing::ElementsAre;
using testing::found_in;
using ::testing::IsEmpty;
using testing::kLoadAddress;
using testing::listed;
using testing::Writer;

constexpr std::string_view kModules =
    "path\tgithub.com/prometheus/node_exporter\n"
    "mod\tgithub.com/prometheus/node_exporter\t(devel)\t\n"
    "dep\tgithub.com/beorn7/perks\tv1.0.1\th1:VlbKKnNfV8bJzeqoa4cOKqO6bYr3WgKZxO8Z16+hsOM=\n"
    "dep\tgolang.org/x/text\tv0.3.7\n"
    "=>\tgolang.org/x/text\tv0.3.8\th1:olpwvP2KacW1ZWvsR7uQhoyTYvKAupfQrRGBFM352Gk=\n"
    "dep\texample.com/forked\tv1.2.0\n"
    "=>\t./forked\t(devel)\t\n"
    "build\t-compiler=gc\n";

// Each mark has 16 bytes.
std::string between_marks(std::string_view modules) {
  return std::string(16, '\x30') + std::string(modules) + std::string(16, '\xf9');
}

std::string counted(std::string_view text) {
  std::string out;
  std::size_t size = text.size();
  for (; size >= 0x80; size >>= 7U) out += static_cast<char>(size | 0x80U);
  out += static_cast<char>(size);
  return out.append(text);
}

std::string inline_info(std::string_view version, std::string_view modules) {
  std::string out = "\xff Go buildinf:";
  out += '\x08';
  out += '\x02';
  out.resize(32, '\0');
  return out + counted(version) + counted(between_marks(modules));
}

// As before Go 1.18: pointers to strings, which are pointers and lengths.
std::string pointed_info(std::string_view version, std::string_view modules, std::size_t word,
                         bool is_big_endian) {
  const std::string marked_modules = between_marks(modules);
  Writer out(is_big_endian);
  out.text("\xff Go buildinf:").number(word, 1).number(is_big_endian ? 1 : 0, 1);
  const std::uint64_t headers = 32;
  const std::uint64_t texts = headers + 4 * word;
  out.number(kLoadAddress + headers, word).number(kLoadAddress + headers + 2 * word, word);
  out.up_to(headers);
  out.number(kLoadAddress + texts, word).number(version.size(), word);
  out.number(kLoadAddress + texts + version.size(), word).number(marked_modules.size(), word);
  out.text(version).text(marked_modules);
  return out.bytes();
}

const std::vector<std::string> kExpected = {
    "stdlib@1.22.3",
    "github.com/prometheus/node_exporter@",
    "github.com/beorn7/perks@v1.0.1",
    "golang.org/x/text@v0.3.8",
    "example.com/forked@",
};

TEST(Go, BuildInfoIsReadFromEveryKindOfProgram) {
  const std::string info = inline_info("go1.22.3", kModules);
  const std::pair<std::string_view, std::string> programs[] = {
      {"ELF", testing::elf(".go.buildinfo", info)},
      {"ELF of 32 bits", testing::elf(".go.buildinfo", info, 4)},
      {"ELF, big endian", testing::elf(".go.buildinfo", info, 8, true)},
      {"ELF of 32 bits, big endian", testing::elf(".go.buildinfo", info, 4, true)},
      {"ELF without the section", testing::elf(".data", info)},
      {"PE", testing::pe(".data", info)},
      {"Mach-O", testing::mach_o("__go_buildinfo", info)},
      {"Mach-O without the section", testing::mach_o("__data", info)},
  };
  for (const auto& [name, bytes] : programs) {
    const Found found = found_in(detect_program, "usr/bin/node_exporter", bytes);
    EXPECT_EQ(listed(found), kExpected) << name;
    EXPECT_THAT(found.remarks(), IsEmpty()) << name;
  }
}

TEST(Go, BuildInfoOfOldToolchainsIsReadThroughItsPointers) {
  for (const std::size_t word : {4U, 8U}) {
    for (const bool is_big_endian : {false, true}) {
      const std::string info = pointed_info("go1.22.3", kModules, word, is_big_endian);
      const std::string bytes = testing::elf(".go.buildinfo", info, word, is_big_endian);
      EXPECT_EQ(listed(found_in(detect_program, "app", bytes)), kExpected) << word << is_big_endian;
    }
  }
  EXPECT_EQ(listed(found_in(detect_program, "app.exe",
                            testing::pe(".data", pointed_info("go1.22.3", kModules, 8, false)))),
            kExpected);
}

TEST(Go, PackagesAreGosOwn) {
  const Found found = found_in(detect_program, "usr/bin/app",
                               testing::elf(".go.buildinfo", inline_info("go1.22.3", kModules)));
  for (const packages::Package& package : found.packages()) {
    EXPECT_EQ(package.type, packages::Type::golang);
    EXPECT_EQ(package.detector, "go");
    EXPECT_EQ(package.path, "usr/bin/app");
  }
}

TEST(Go, VersionsOfToolchainsAreSemantic) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"go1.22.3", "1.22.3"},
      {"go1.20", "1.20"},
      {"go1.21rc2", "1.21.0-rc.2"},
      {"go1.18beta1", "1.18.0-beta.1"},
      {"go1.22.3 X:boringcrypto", "1.22.3"},
      {"go1.19.4-google", "1.19.4"},
      {"devel go1.23-a1b2c3 Thu Feb 1", ""},
  };
  for (const auto& [text, version] : cases) {
    const Found found =
        found_in(detect_program, "app", testing::elf(".go.buildinfo", inline_info(text, "")));
    EXPECT_THAT(listed(found), ElementsAre(fmt::format("stdlib@{}", version))) << text;
  }
}

TEST(Go, ProgramsOfOthersShowNothing) {
  const std::string no_magic = testing::elf(".text", std::string(4096, '\x90'));
  const std::string bare_magic = testing::elf(".go.buildinfo", "\xff Go buildinf:");
  for (const std::string& bytes : {no_magic, bare_magic,
                                   std::string("\x7f"
                                               "ELF"),
                                   std::string("MZ"), std::string("\xcf\xfa\xed\xfe"),
                                   std::string("#!/bin/sh"), std::string()}) {
    const Found found = found_in(detect_program, "app", bytes);
    EXPECT_THAT(found.packages(), IsEmpty());
    EXPECT_THAT(found.remarks(), IsEmpty());
  }
}

TEST(Go, LengthsAndPointersThatLieShowNothing) {
  std::string too_long = inline_info("go1.22.3", "").substr(0, 32) + "\xff\xff\xff\xff\xff\x7f";
  std::string endless = inline_info("go1.22.3", "").substr(0, 32) + std::string(40, '\xff');
  std::string outside = pointed_info("go1.22.3", kModules, 8, false);
  outside.replace(16, 8, std::string(8, '\x77'));
  for (const std::string& info : {too_long, endless, outside}) {
    const Found found = found_in(detect_program, "app", testing::elf(".go.buildinfo", info));
    EXPECT_THAT(found.packages(), IsEmpty());
  }
}

TEST(Go, EveryPrefixOfAProgramIsRead) {
  const std::string bytes = testing::elf(".go.buildinfo", inline_info("go1.22.3", kModules));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_LE(found_in(detect_program, "app", bytes.substr(0, size)).packages().size(), 5U);
  }
}

}  // namespace

}  // namespace holdfast::detect
