#include "repos/search.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/accounts.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "repos/repositories.hpp"

namespace holdfast::repos {
namespace {

using Names = std::vector<std::string>;

class SearchTest : public testing::Test {
 protected:
  SearchTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-search-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(
        db::joined({events::migrations(), accounts::migrations(), migrations()})));
    accounts::Accounts accounts(*database_, clock_, random_);
    for (const char* user : {"alice", "nginx"}) {
      EXPECT_TRUE(accounts.create_user({user, "a good password"}, {}));
    }
    repositories_ = std::make_unique<Repositories>(*database_, clock_, random_);
    search_ = std::make_unique<Search>(*database_);
  }
  ~SearchTest() override { std::filesystem::remove_all(folder_); }

  static oci::RepositoryName named(std::string_view text) {
    return oci::RepositoryName::parse(text).value();
  }
  Repository create(std::string_view name, std::string description = "",
                    Visibility visibility = Visibility::public_access) {
    return repositories_
        ->create(named(name),
                 {.visibility = visibility, .short_description = std::move(description)}, {})
        .value();
  }
  Names found(std::string text, VisibleSet visible = {.all = true}, std::int64_t limit = 25,
              std::int64_t namespace_id = 0) {
    Names names;
    const auto page = search_->find({std::move(visible), std::move(text), namespace_id, limit});
    EXPECT_TRUE(page) << describe(page.error());
    for (const Repository& one : *page) names.push_back(one.name.text());
    return names;
  }
  std::int64_t terms() {
    std::int64_t number = 0;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) {
      return tx.query("SELECT count(*) FROM repository_terms", {},
                      [&](const db::Row& row) -> Result<void> {
                        number = row.integer(0);
                        return {};
                      });
    }));
    return number;
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<Repositories> repositories_;
  std::unique_ptr<Search> search_;
};

TEST_F(SearchTest, TheNearestComesFirst) {
  create("alice/web", "Serves by Nginx, behind a proxy");
  create("alice/my-nginx");
  create("alice/nginx-extra");
  create("nginx/other");
  create("alice/nginx");
  create("alice/unlike");
  const Names all = {"alice/nginx", "nginx/other", "alice/nginx-extra", "alice/my-nginx",
                     "alice/web"};
  EXPECT_EQ(found("nginx"), all);
  EXPECT_EQ(found("  NGINX "), all);
  EXPECT_EQ(found("nginx", {.all = true}, 2), Names(all.begin(), all.begin() + 2));
  EXPECT_EQ(found("alice/nginx"), (Names{"alice/nginx", "alice/nginx-extra"}));
  EXPECT_EQ(found("behind a PROXY"), Names{"alice/web"});
  EXPECT_EQ(found("x"),
            (Names{"alice/my-nginx", "alice/nginx", "alice/nginx-extra", "nginx/other"}));
  EXPECT_EQ(found("roxy"), Names{}) << "descriptions are found by their words";
  EXPECT_EQ(found("nothing"), Names{});
  EXPECT_EQ(found(" "), Names{});
}

TEST_F(SearchTest, LongTextsAreComparedToTheirEnd) {
  const std::string tail = "a-name-that-is-longer-than-a-term";
  create("alice/" + tail + "-1", "the words of this description go on and on to one");
  create("alice/" + tail + "-2", "the words of this description go on and on to two");
  EXPECT_EQ(found("name-that-is-longer-than-a-term-2"), Names{"alice/" + tail + "-2"});
  EXPECT_EQ(found("words of this description go on and on to one"), Names{"alice/" + tail + "-1"});
  create("alice/umlaut", "x aaaaaaaaaaaaaaaaaaaaaa\xC3\xBC\xC3\xBC");
  EXPECT_EQ(found("aaaaaaaaaaaaaaaaaaaaaa\xC3\xBC"), Names{"alice/umlaut"});
}

TEST_F(SearchTest, ShowsOnlyWhatTheCallerSees) {
  const Repository secret = create("alice/app-secret", "", Visibility::private_access);
  const Repository open = create("nginx/app-open");
  const Names both = {"alice/app-secret", "nginx/app-open"};
  EXPECT_EQ(found("app", {}), Names{"nginx/app-open"});
  EXPECT_EQ(found("app", {.namespace_ids = {secret.namespace_id}}), both);
  EXPECT_EQ(found("app", {.repository_ids = {secret.id}}), both);
  EXPECT_EQ(found("app", {.all = true}, 25, open.namespace_id), Names{"nginx/app-open"});
  ASSERT_TRUE(repositories_->update(open.name, {.visibility = Visibility::private_access}, {}));
  EXPECT_EQ(found("app", {}), Names{});
}

TEST_F(SearchTest, FollowsChanges) {
  const Repository app = create("alice/app", "the old words");
  ASSERT_TRUE(repositories_->update(app.name, {.short_description = "new ones"}, {}));
  EXPECT_EQ(found("old"), Names{});
  EXPECT_EQ(found("new"), Names{"alice/app"});
  ASSERT_TRUE(repositories_->remove(app.name, {}));
  EXPECT_EQ(found("app"), Names{});
  EXPECT_EQ(terms(), 0);
}

TEST_F(SearchTest, TakesUpWhatAnEarlierVersionMade) {
  for (int i = 0; i < 250; ++i) create("alice/app" + std::to_string(i));
  const std::int64_t before = terms();
  ASSERT_TRUE(database_->write(db::Durability::relaxed, [](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("DELETE FROM repository_terms", {}));
    HF_CHECK(tx.execute("UPDATE repositories SET has_terms = 0", {}));
    return {};
  }));
  EXPECT_EQ(found("app249"), Names{});
  ASSERT_TRUE(search_->take_up());
  EXPECT_EQ(found("app249"), Names{"alice/app249"});
  EXPECT_EQ(terms(), before);
}

}  // namespace
}  // namespace holdfast::repos
