#include "repos/content.hpp"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <thread>

#include "accounts/accounts.hpp"
#include "blob/digesting.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::repos {
namespace {

oci::Digest digest_of(std::string_view text, oci::Algorithm algorithm = oci::Algorithm::sha256) {
  blob::Digesting digesting(algorithm);
  digesting.update(std::as_bytes(std::span(text)));
  return digesting.digest();
}

class ContentTest : public testing::Test {
 protected:
  ContentTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-content-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    const auto all = db::joined({events::migrations(), accounts::migrations(), migrations()});
    EXPECT_TRUE(database_->migrate(all));
    accounts::Accounts accounts(*database_, clock_, random_);
    EXPECT_TRUE(accounts.create_user({"alice", "a good password"}, actor_));
    repositories_ = std::make_unique<Repositories>(*database_, clock_, random_);
    content_ = std::make_unique<Content>(*database_, clock_, repos::ContentRules{});
    app_ = repositories_->create(named("alice/app"), {}, actor_).value();
    other_ = repositories_
                 ->create(named("alice/other"), {.visibility = Visibility::public_access}, actor_)
                 .value();
  }
  ~ContentTest() override { std::filesystem::remove_all(folder_); }

  static oci::RepositoryName named(std::string_view text) {
    return oci::RepositoryName::parse(text).value();
  }
  static oci::Tag tag(std::string_view text) { return oci::Tag::parse(text).value(); }
  Result<std::optional<blob::BlobKey>> link(const Repository& repository, std::string_view text,
                                            std::string key) {
    std::optional<blob::BlobKey> loser;
    HF_CHECK(database_->write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
      HF_TRY(loser, Content::link_blob(tx, repository.id, digest_of(text), {{key}, text.size()},
                                       clock_.now()));
      return {};
    }));
    return loser;
  }
  // An image whose config is the blob `config`.
  static std::string image(std::string_view config, const std::string& more = "") {
    return fmt::format(
        R"({{"schemaVersion":2,"config":{{"mediaType":"application/c","digest":"{}","size":1}},"layers":[]{}}})",
        digest_of(config).text(), more);
  }
  Result<PutResult> put(const std::string& bytes, std::vector<oci::Tag> tags,
                        std::string_view type = oci::kOciManifest) {
    return content_->put(app_.value(), {std::move(tags), std::nullopt, std::string(type), bytes},
                         actor_);
  }
  std::string tagged(std::string_view name) {
    const auto found = content_->manifest(app_->id, tag(name));
    return found ? *found.value()->bytes : std::string(found.error().reason);
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<Repositories> repositories_;
  std::unique_ptr<Content> content_;
  std::optional<Repository> app_, other_;
  events::Actor actor_{1, "alice", "", "", ""};
};

TEST_F(ContentTest, ABlobIsSeenOnlyWhereItIsLinked) {
  EXPECT_EQ(link(*app_, "layer", "key-1").value(), std::nullopt);
  const auto found = content_->blob(app_->id, digest_of("layer"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found.value()->key.value, "key-1");
  EXPECT_EQ(content_->cached_blob(app_->id, digest_of("layer")), *found);
  EXPECT_EQ(content_->blob(other_->id, digest_of("layer")).error().reason, kBlobUnknown);
  ASSERT_TRUE(content_->mount(*app_, *other_, digest_of("layer")));
  EXPECT_TRUE(content_->blob(other_->id, digest_of("layer")));
  EXPECT_EQ(content_->mount(*app_, *other_, digest_of("nothing")).error().reason, kBlobUnknown);
  EXPECT_EQ(content_->holders(digest_of("layer"), 10)->size(), 2U);
}

TEST_F(ContentTest, TheFirstKeyOfADigestWins) {
  EXPECT_EQ(link(*app_, "layer", "key-1").value(), std::nullopt);
  EXPECT_EQ(link(*other_, "layer", "key-2").value()->value, "key-2");
  EXPECT_EQ(content_->blob(other_->id, digest_of("layer")).value()->key.value, "key-1");
}

TEST_F(ContentTest, APushNamesEveryMissingDigest) {
  const auto refused = put(image("config", R"(,"x":1)"), {tag("v1")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, kManifestBlobUnknown);
  EXPECT_EQ(refused.error().details, std::vector<std::string>{digest_of("config").text()});
  EXPECT_EQ(tagged("v1"), kManifestUnknown);
  const std::string index = fmt::format(
      R"({{"schemaVersion":2,"manifests":[{{"digest":"{}","size":1}},{{"digest":"{}","size":1}}]}})",
      digest_of("a").text(), digest_of("b").text());
  EXPECT_EQ(put(index, {}, oci::kOciIndex).error().details.size(), 2U);
  std::string children;
  for (int i = 0; i < 200; ++i) {
    children += fmt::format(R"({}{{"digest":"{}","size":1}})", i == 0 ? "" : ",",
                            digest_of(fmt::format("{}", i / 2)).text());
  }
  const auto entries = [](const std::string& list) {
    return R"({"schemaVersion":2,"manifests":[)" + list + "]}";
  };
  EXPECT_EQ(put(entries(children), {}, oci::kOciIndex).error().details.size(), 100U);
  children += fmt::format(R"(,{{"digest":"{}","size":1}})", digest_of("one more").text());
  EXPECT_EQ(put(entries(children), {}, oci::kOciIndex).error().details.size(), 100U);
}

TEST_F(ContentTest, AnImmutableTagIsSetOnceAndSignaturesMove) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  ASSERT_TRUE(repositories_->update(named("alice/app"), {.immutable_tags = true}, actor_));
  const std::string one = image("config");
  const std::string two = image("config", R"(,"unknown":[1])");
  const oci::Tag signature = tag("sha256-" + std::string(64, 'a') + ".sig");
  ASSERT_TRUE(put(one, {tag("v1"), signature}));
  ASSERT_TRUE(put(one, {tag("v1")})) << "the same manifest again changes nothing";
  const auto refused = put(two, {tag("v2"), tag("v1")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, kTagImmutable);
  EXPECT_EQ(tagged("v1"), one);
  EXPECT_EQ(tagged("v2"), kManifestUnknown) << "nothing of a refused push is there";
  EXPECT_TRUE(put(two, {signature}));
  ASSERT_TRUE(content_->remove(*app_, tag("v1"), actor_));
  EXPECT_TRUE(put(two, {tag("v1")}));
}

TEST_F(ContentTest, BeyondTheLimitTheOldestTagsGo) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  ASSERT_TRUE(repositories_->update(named("alice/app"), {.tag_limit = 2}, actor_));
  const std::string fallback = "sha256-" + std::string(64, 'a');
  for (const char* name : {"v1", "v2", "v1"}) ASSERT_TRUE(put(image("config"), {tag(name)}));
  ASSERT_TRUE(put(image("config"), {tag(fallback)}));
  EXPECT_NE(tagged("v2"), kManifestUnknown);
  ASSERT_TRUE(put(image("config"), {tag("v3")}));
  EXPECT_EQ(tagged("v2"), kManifestUnknown) << "v1 was pushed again after it";
  EXPECT_NE(tagged("v1"), kManifestUnknown);
  EXPECT_NE(tagged(fallback), kManifestUnknown);
  ASSERT_TRUE(put(image("config"), {tag("a"), tag("b"), tag("c")}));
  EXPECT_EQ(content_->tags(app_->id, "", 10)->items,
            (std::vector<std::string>{"a", "b", "c", fallback}))
      << "what one push sets stays";
}

// More than a step of them are looked at, and all of it is older than what goes.
TEST_F(ContentTest, TheLimitPassesOverSignaturesAndManyOthers) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  std::vector<oci::Tag> signatures;
  std::vector<oci::Tag> others;
  for (int i = 0; i < 250; ++i) {
    signatures.push_back(tag(fmt::format("sha256-{:064x}.sig", i)));
    others.push_back(tag(fmt::format("v{:03}", i)));
  }
  ASSERT_TRUE(put(image("config"), signatures));
  ASSERT_TRUE(put(image("config"), others));
  ASSERT_TRUE(repositories_->update(named("alice/app"), {.tag_limit = 300}, actor_));
  ASSERT_TRUE(put(image("config"), {tag("new")}));
  EXPECT_EQ(content_->tags(app_->id, "", 1000)->items.size(), 501U);
  ASSERT_TRUE(repositories_->update(named("alice/app"), {.tag_limit = 2}, actor_));
  ASSERT_TRUE(put(image("config"), {tag("newest")}));
  const auto left = content_->tags(app_->id, "", 1000)->items;
  ASSERT_EQ(left.size(), 252U);
  EXPECT_EQ(std::vector<std::string>(left.begin(), left.begin() + 2),
            (std::vector<std::string>{"new", "newest"}));
}

TEST_F(ContentTest, TagsMoveAndBytesStayAsTheyCame) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  const std::string one = image("config") + "\n ";
  const std::string two = image("config", R"(,"unknown":[1])");
  ASSERT_TRUE(put(one, {tag("v1"), tag("latest")}));
  EXPECT_EQ(tagged("v1"), one);
  ASSERT_TRUE(put(two, {tag("latest")}));
  EXPECT_EQ(tagged("latest"), two);
  EXPECT_EQ(tagged("v1"), one);
  EXPECT_NE(content_->cached_manifest(app_->id, "latest"), nullptr);
  const auto page = content_->tags(app_->id, "", 1).value();
  EXPECT_EQ(page.items, std::vector<std::string>{"latest"});
  EXPECT_TRUE(page.more);
  EXPECT_FALSE(content_->tags(app_->id, "latest", 1)->more);
}

TEST_F(ContentTest, ADigestMustBeTheBytes) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  const std::string bytes = image("config");
  EXPECT_EQ(
      content_->put(*app_, {{}, digest_of("else"), std::string(oci::kOciManifest), bytes}, actor_)
          .error()
          .reason,
      kManifestDigestMismatch);
  const auto wide = digest_of(bytes, oci::Algorithm::sha512);
  ASSERT_TRUE(
      content_->put(*app_, {{tag("wide")}, wide, std::string(oci::kOciManifest), bytes}, actor_));
  EXPECT_EQ(content_->manifest(app_->id, tag("wide")).value()->digest, wide);
}

TEST_F(ContentTest, DeletingByTagAndByDigest) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  const auto digest = put(image("config"), {tag("a"), tag("b")})->digest;
  EXPECT_EQ(tagged("a"), image("config"));
  ASSERT_TRUE(content_->remove(*app_, tag("a"), actor_));
  EXPECT_EQ(tagged("a"), kManifestUnknown);
  EXPECT_EQ(tagged("b"), image("config"));
  EXPECT_EQ(content_->remove_blob(*app_, digest_of("config"), actor_).error().reason, kBlobInUse);
  ASSERT_TRUE(content_->remove(*app_, digest, actor_));
  EXPECT_EQ(tagged("b"), kManifestUnknown);
  EXPECT_EQ(content_->manifest(app_->id, digest).error().reason, kManifestUnknown);
  EXPECT_EQ(content_->remove(*app_, digest, actor_).error().reason, kManifestUnknown);
  ASSERT_TRUE(content_->remove_blob(*app_, digest_of("config"), actor_));
  EXPECT_EQ(content_->blob(app_->id, digest_of("config")).error().reason, kBlobUnknown);
}

TEST_F(ContentTest, ReferrersAreListedFilteredPagedAndImported) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  const auto subject = digest_of("subject");
  const auto about = [&](int number, std::string_view type) {
    return image("config",
                 fmt::format(R"(,"artifactType":"{}","n":{},"subject":{{"digest":"{}","size":1}})",
                             type, number, subject.text()));
  };
  for (int i = 0; i < 5; ++i) {
    const auto stored = put(about(i, i < 2 ? "a/x" : "a/y"), {});
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->subject, subject);
  }
  EXPECT_EQ(content_->referrers(app_->id, subject, "a/x", "", 10)->items.size(), 2U);
  EXPECT_TRUE(content_->referrers(app_->id, digest_of("else"), "", "", 10)->items.empty());
  std::vector<std::string> seen;
  while (true) {
    const auto page =
        content_->referrers(app_->id, subject, "", seen.empty() ? "" : seen.back(), 2).value();
    for (const auto& item : page.items) seen.push_back(item.digest);
    if (!page.more) break;
  }
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  // A client without the API keeps a manifest without `subject` in an index under the fallback tag.
  const auto plain = put(image("config", R"(,"artifactType":"a/z")"), {}).value().digest;
  const std::string index = fmt::format(
      R"({{"schemaVersion":2,"manifests":[{{"digest":"{}","size":1}},{{"digest":"{}","size":1}}]}})",
      plain.text(), seen[0]);
  ASSERT_TRUE(put(index, {tag(oci::fallback_tag(subject))}, oci::kOciIndex));
  EXPECT_EQ(content_->referrers(app_->id, subject, "", "", 10)->items.size(), 6U);
  const auto imported = content_->referrers(app_->id, subject, "a/z", "", 10).value();
  ASSERT_EQ(imported.items.size(), 1U);
  EXPECT_THAT(imported.items[0].descriptor_json, testing::HasSubstr(plain.text()));
}

TEST_F(ContentTest, ADeletedRepositoryTakesItsContentAlong) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  ASSERT_TRUE(put(image("config"), {tag("v1")}));
  ASSERT_TRUE(repositories_->remove(named("alice/app"), actor_));
  EXPECT_EQ(tagged("v1"), kManifestUnknown);
  EXPECT_EQ(put(image("config"), {tag("v1")}).error().reason, kRepositoryUnknown);
  EXPECT_EQ(link(*app_, "config", "key").error().reason, kRepositoryUnknown);
  EXPECT_TRUE(content_->holders(digest_of("config"), 10)->empty());
}

TEST_F(ContentTest, ManyWritersOfOneTagAndReadersAlwaysSeeAWholeManifest) {
  ASSERT_TRUE(link(*app_, "config", "key"));
  ASSERT_TRUE(put(image("config"), {tag("v1")}));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const auto found = content_->manifest(app_->id, tag("v1"));
      ASSERT_TRUE(found);
      ASSERT_EQ(digest_of(*found.value()->bytes), found.value()->digest);
    }
  });
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([&, i] {
      for (int j = 0; j < 6; ++j) {
        EXPECT_TRUE(put(image("config", fmt::format(R"(,"n":[{},{}])", i, j)), {tag("v1")}));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string last = tagged("v1");
  stop = true;
  reader.join();
  EXPECT_EQ(*Content(*database_, clock_, repos::ContentRules{})
                 .manifest(app_->id, tag("v1"))
                 .value()
                 ->bytes,
            last);
}

}  // namespace
}  // namespace holdfast::repos
