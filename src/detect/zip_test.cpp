#include "detect/zip.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detect/archives.hpp"

namespace holdfast::detect {

namespace {

using ::testing::HasSubstr;
using testing::zip_of;
using testing::ZipMember;
using testing::ZipWriter;

constexpr std::uint64_t kMuch = 1ULL << 30U;

Result<std::string> first_of(const std::string& bytes, std::uint64_t at_most = kMuch,
                             std::uint64_t left = kMuch) {
  HF_TRY(const Zip zip, Zip::open(bytes));
  return zip.read(zip.entries().front(), at_most, left);
}

TEST(Zip, StoredAndDeflatedEntriesAreRead) {
  const std::vector<ZipMember> members = {{"a.txt", "stored", true}, {"b/c.txt", "deflated"}};
  for (const bool is_zip_64 : {false, true}) {
    for (const std::string_view prefix : {"", "#!/bin/sh\nexec java -jar $0\n"}) {
      const std::string bytes = std::string(prefix) + zip_of(members, is_zip_64);
      const auto zip = Zip::open(bytes);
      ASSERT_TRUE(zip) << zip.error().message;
      ASSERT_EQ(zip->entries().size(), 2U);
      std::uint64_t left = kMuch;
      for (std::size_t i = 0; i < members.size(); ++i) {
        EXPECT_EQ(zip->entries()[i].name, members[i].name);
        EXPECT_EQ(zip->read(zip->entries()[i], kMuch, left).value(), members[i].content);
      }
      EXPECT_EQ(left, kMuch - 14);
      EXPECT_EQ(zip->stored(zip->entries()[0]), "stored");
      EXPECT_EQ(zip->stored(zip->entries()[1]), "");
    }
  }
}

TEST(Zip, WhatIsTooLargeIsNotUnpacked) {
  const std::string stored = zip_of({{"a", std::string(2'000, 'x'), true}});
  const std::string packed = zip_of({{"a", "0123456789abcdef"}});
  EXPECT_EQ(first_of(stored, 1'999).error().reason, kZipTooLarge);
  EXPECT_EQ(first_of(stored, kMuch, 1'999).error().reason, kZipTooLarge);
  EXPECT_EQ(first_of(packed, 15).error().reason, kZipTooLarge);
  EXPECT_EQ(first_of(packed, kMuch, 15).error().reason, kZipTooLarge);
  EXPECT_TRUE(first_of(packed, 16, 16));
}

TEST(Zip, ABombIsKnownByItsRatio) {
  const std::string bomb = zip_of({{"a", std::string(16U << 20U, '\0')}});
  ASSERT_LT(bomb.size(), 100'000U);
  const auto zip = Zip::open(bomb);
  std::uint64_t left = kMuch;
  EXPECT_EQ(zip->read(zip->entries().front(), kMuch, left).error().reason, kZipTooLarge);
  EXPECT_LT(left, kMuch);
  EXPECT_GT(left, kMuch - 200 * bomb.size());
}

TEST(Zip, EntriesThatShareBytesAreRefused) {
  ZipWriter writer(false, true);
  for (const char* const name : {"a", "b", "c"}) writer.add({name, "content"});
  const std::string bytes = writer.finish();
  const auto zip = Zip::open(bytes);
  ASSERT_FALSE(zip);
  EXPECT_EQ(zip.error().reason, kZipInvalid);
  EXPECT_THAT(zip.error().message, HasSubstr("share"));
}

TEST(Zip, TooManyEntriesAreRefused) {
  ZipWriter writer;
  for (std::size_t i = 0; i <= Zip::kEntries; ++i) writer.add({"", "", true});
  const std::string bytes = writer.finish();
  EXPECT_EQ(Zip::open(bytes).error().reason, kZipTooLarge);
}

TEST(Zip, UnknownMethodsAreUnsupported) {
  EXPECT_EQ(first_of(zip_of({{"a", "x", false, 12}})).error().reason, kZipUnsupported);
}

TEST(Zip, EveryPrefixAndEveryChangedByteIsBounded) {
  for (const bool is_zip_64 : {false, true}) {
    const std::string bytes = zip_of({{"a.txt", "stored", true}, {"b", "deflated"}}, is_zip_64);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      EXPECT_FALSE(Zip::open(bytes.substr(0, i))) << i;
      for (const char change : {'\xff', '\x00', '\x7f'}) {
        std::string changed = bytes;
        changed[i] = change;
        const auto zip = Zip::open(changed);
        if (!zip) continue;
        std::uint64_t left = kMuch;
        for (const ZipEntry& entry : zip->entries()) {
          const auto content = zip->read(entry, 1'000, left);
          EXPECT_TRUE(!content || content->size() <= 1'000);
        }
      }
    }
  }
}

}  // namespace

}  // namespace holdfast::detect
