#include <gtest/gtest.h>
#include <string>

#include "codec/json.hpp"
#include "codec/text.hpp"
#include "codec/zstd.hpp"

namespace holdfast::codec {
namespace {

TEST(Json, KeepsValuesOfEveryKind) {
  const auto value =
      parse_json(R"( {"a":[1,-2,3.5,true,null,"x"],"b":{"c":{}},"big":18446744073709551615} )");
  ASSERT_TRUE(value) << describe(value.error());
  EXPECT_EQ(value->at("a").as_array().size(), 6U);
  EXPECT_EQ(value->at("a").at(1).as_int64(), -2);
  EXPECT_EQ(value->at("big").as_uint64(), 18446744073709551615ULL);
  EXPECT_TRUE(value->at("b").at("c").as_object().empty());
  EXPECT_EQ(member(*value, "nothing"), nullptr);
  EXPECT_EQ(member(value->at("a"), "a"), nullptr);
}

TEST(Json, RefusesWhatTwoReadersWouldReadDifferently) {
  for (const std::string_view text :
       {R"({"a":1,"a":2})", R"({"x":{"a":1,"b":0,"a":2}})", R"({"a":1} {})", R"({"a":1},)", "", "{",
        "nul", "{\"a\":\"\xff\"}", R"({"a":1,})", "[1 2]", "'a'", "01"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":2}])"));
}

TEST(Json, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(64)));
  EXPECT_FALSE(parse_json(nested(65)));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST(Json, StringsSurviveTheRoundTrip) {
  const std::string hostile = "a\"b\\c\n\x01\xc3\xa4 </script>";
  std::string text;
  append_json_string(text, hostile);
  const auto back = parse_json(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(std::string_view(back->as_string()), hostile);
  EXPECT_EQ(string_member(*parse_json(R"({"a":"b","c":1})"), "a"), "b");
  EXPECT_EQ(string_member(*parse_json(R"({"a":"b","c":1})"), "c"), std::nullopt);
}

TEST(Text, Base64FollowsTheVectorsOfRfc4648) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), std::string(plain));
  }
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(from_base64url("-_8"), "\xfb\xff");
}

TEST(Text, DecodersAreStrict) {
  for (const std::string_view text : {"Zg=", "Zg", "Z===", "Zh==", "Zm9v\n", "Zm 9v", "Zm-v"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
  for (const std::string_view text : {"-_8=", "A", "-_9", "+/8"}) {
    EXPECT_EQ(from_base64url(text), std::nullopt) << text;
  }
  EXPECT_EQ(from_hex("0aFF"), std::nullopt);
  EXPECT_EQ(from_hex("0af"), std::nullopt);
  EXPECT_EQ(hex(*from_hex("00ff7f")), "00ff7f");
}

TEST(Text, SizesAreForPeople) {
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(5.0 * 1024 * 1024 * 1024), "5.0 GiB");
}

TEST(Text, TellsUtf8WithoutNul) {
  for (const std::string_view text : {"", "abc", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x90\xb3", "\n"}) {
    EXPECT_TRUE(is_text(text)) << text;
  }
  for (const std::string_view text :
       {std::string_view("a\0b", 3), std::string_view("\xff"), std::string_view("\xc3"),
        std::string_view("\xc0\x80"), std::string_view("\xed\xa0\x80"),
        std::string_view("\xf5\x80\x80\x80")}) {
    EXPECT_FALSE(is_text(text)) << text;
  }
}

TEST(Text, BytesBecomeText) {
  EXPECT_EQ(to_text("gr\xc3\xbcn", 100), "gr\xc3\xbcn");
  EXPECT_EQ(to_text("a\xff\xc3(b", 100), "a\xef\xbf\xbd\xef\xbf\xbd(b");
  EXPECT_EQ(to_text(std::string_view("a\0b", 3), 100),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(to_text("gr\xc3\xbcn", 3), "gr") << "no half character";
  EXPECT_EQ(to_text("abc", 2), "ab");
}

TEST(Zstd, GoesBothWays) {
  const std::string long_text(100'000, 'x');
  for (const std::string& text : {std::string(), std::string("a"), long_text}) {
    const std::string packed = compress_zstd(text);
    const auto open = decompress_zstd(std::as_bytes(std::span(packed)), long_text.size());
    ASSERT_TRUE(open);
    EXPECT_EQ(*open, text);
  }
  EXPECT_LT(compress_zstd(long_text).size(), 100U);
}

TEST(Zstd, WhatIsNoFrameOrTooLongIsRefused) {
  const std::string packed = compress_zstd(std::string(1000, 'x'));
  std::string flipped = packed;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  for (const std::string& frame :
       {std::string(), std::string("abc"), packed.substr(0, packed.size() - 1), flipped}) {
    const auto open = decompress_zstd(std::as_bytes(std::span(frame)), 1000);
    ASSERT_FALSE(open);
    EXPECT_EQ(open.error().reason, kZstdInvalid);
  }
  EXPECT_FALSE(decompress_zstd(std::as_bytes(std::span(packed)), 999));
}

}  // namespace
}  // namespace holdfast::codec
