#include "oci/name.hpp"

#include <gtest/gtest.h>
#include <string>

#include "oci/digest.hpp"
#include "oci/media_type.hpp"

namespace holdfast::oci {
namespace {

TEST(RepositoryName, AcceptsTheGrammarAndSplits) {
  for (const std::string_view text :
       {"a/b", "library/ubuntu", "a.b/c_d/e__f/g---h", "0/1", "x/y/z/blobs/uploads"}) {
    EXPECT_TRUE(RepositoryName::parse(text)) << text;
  }
  const auto deep = RepositoryName::parse("team/app/web");
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->ns(), "team");
  EXPECT_EQ(deep->repository(), "app/web");
}

TEST(RepositoryName, RefusesTheRest) {
  for (const std::string_view text :
       {"",     "/",    "a/",     "/a",      "a//b",       "A/b",  "a/B",
        "a/b.", "a/.b", "a/b..c", "a/b___c", "a/b_",       "a/-b", "a/b._c",
        "../a", "a/..", "a/b c",  "a/b%2fc", "a/\xc3\xa4", "a/b:c"}) {
    const auto name = RepositoryName::parse(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().reason, kNameInvalid);
  }
  EXPECT_FALSE(RepositoryName::parse(std::string_view("a/b\0c", 5)));
  EXPECT_TRUE(RepositoryName::parse("a/" + std::string(253, 'b')));
  EXPECT_FALSE(RepositoryName::parse("a/" + std::string(254, 'b')));
}

TEST(RepositoryName, OneComponentIsToldThatItNeedsANamespace) {
  const auto name = RepositoryName::parse("ubuntu");
  ASSERT_FALSE(name);
  EXPECT_NE(name.error().message.find("namespace"), std::string::npos);
}

TEST(Tag, HasItsGrammar) {
  for (const std::string& text : {std::string("latest"), std::string("v1.0-rc_1"),
                                  std::string("_x"), std::string(128, 'a')}) {
    EXPECT_TRUE(Tag::parse(text)) << text;
  }
  for (const std::string& text :
       {std::string(""), std::string(".x"), std::string("-x"), std::string("a b"),
        std::string("a/b"), std::string(129, 'a'), std::string("a:b")}) {
    EXPECT_FALSE(Tag::parse(text)) << text;
  }
}

TEST(Digest, ParsesBothAlgorithmsAndNothingElse) {
  const std::string hex(64, 'a');
  const auto digest = Digest::parse("sha256:" + hex);
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->hex(), hex);
  EXPECT_EQ(digest->algorithm(), Algorithm::sha256);
  EXPECT_TRUE(Digest::parse("sha512:" + hex + hex));
  for (const std::string& text :
       {std::string(), hex, "sha256:" + hex + "a", "sha256:" + std::string(63, 'a'),
        "SHA256:" + hex, "sha256:" + std::string(64, 'A'), "sha512:" + hex, "md5:" + hex,
        std::string("sha256:baddigeststring"), "sha256:" + std::string(63, 'a') + "/", ":" + hex}) {
    const auto bad = Digest::parse(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().reason, kDigestInvalid);
  }
  EXPECT_EQ(Digest::of(Algorithm::sha256, std::string(32, '\xff')).text(),
            "sha256:" + std::string(64, 'f'));
}

TEST(MediaType, LosesItsParameters) {
  EXPECT_EQ(without_parameters(" Application/JSON ; charset=utf-8"), "application/json");
  EXPECT_EQ(manifest_kind(kOciIndex), ManifestKind::index);
  EXPECT_EQ(manifest_kind("application/json"), std::nullopt);
}

TEST(Tag, KnowsWhatBelongsToAnotherManifest) {
  const std::string digest = "sha256-" + std::string(64, 'a');
  for (const std::string& text : {digest, digest + ".sig", "sha512-" + std::string(64, '0')}) {
    EXPECT_TRUE(Tag::parse(text)->is_companion()) << text;
  }
  for (const std::string& text :
       {std::string("latest"), std::string("sha256-abc"), digest + "a", digest + "-x",
        "sha256-" + std::string(64, 'A'), "sha512-" + std::string(63, 'a')}) {
    EXPECT_FALSE(Tag::parse(text)->is_companion()) << text;
  }
}

}  // namespace
}  // namespace holdfast::oci
