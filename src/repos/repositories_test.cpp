#include "repos/repositories.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/accounts.hpp"
#include "accounts/grants.hpp"
#include "accounts/teams.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::repos {
namespace {

class RepositoriesTest : public testing::Test {
 protected:
  RepositoriesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-repos-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(
        db::joined({events::migrations(), accounts::migrations(), migrations()})));
    accounts::Accounts accounts(*database_, clock_, random_);
    EXPECT_TRUE(accounts.create_user({"alice", "a good password"}, actor_));
    repositories_ = std::make_unique<Repositories>(*database_, clock_, random_);
  }
  ~RepositoriesTest() override { std::filesystem::remove_all(folder_); }
  static oci::RepositoryName named(std::string_view text) {
    return oci::RepositoryName::parse(text).value();
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<Repositories> repositories_;
  events::Actor actor_{0, "system", "", "", ""};
};

TEST_F(RepositoriesTest, LiveInAnExistingNamespaceUnderOneName) {
  const auto made = repositories_->create(named("alice/app/web"), {}, actor_);
  ASSERT_TRUE(made) << describe(made.error());
  EXPECT_EQ(made->namespace_id, repositories_->namespace_id("alice").value());
  EXPECT_EQ(repositories_->create(named("alice/app/web"), {}, actor_).error().reason,
            kRepositoryExists);
  EXPECT_EQ(repositories_->create(named("bob/app"), {}, actor_).error().reason, kNamespaceUnknown);
}

TEST_F(RepositoriesTest, AChangeIsSeenByTheNextLook) {
  ASSERT_TRUE(repositories_->create(named("alice/app"), {}, actor_));
  EXPECT_EQ(repositories_->cached("alice/app"), nullptr);
  const auto before = repositories_->find(named("alice/app")).value();
  EXPECT_EQ(repositories_->cached("alice/app"), before);
  ASSERT_TRUE(
      repositories_->update(named("alice/app"), {.visibility = Visibility::public_access}, actor_));
  EXPECT_EQ(repositories_->find(named("alice/app")).value()->visibility, Visibility::public_access);
  ASSERT_TRUE(repositories_->remove(named("alice/app"), actor_));
  EXPECT_EQ(repositories_->cached("alice/app"), nullptr);
  EXPECT_EQ(repositories_->find(named("alice/app")).error().reason, kRepositoryUnknown);
  EXPECT_EQ(repositories_->remove(named("alice/app"), actor_).error().reason, kRepositoryUnknown);
  EXPECT_EQ(
      repositories_->update(named("alice/app"), {.visibility = Visibility::public_access}, actor_)
          .error()
          .reason,
      kRepositoryUnknown);
  const auto again = repositories_->create(named("alice/app"), {}, actor_);
  EXPECT_NE(again->id, before->id);
}

TEST_F(RepositoriesTest, ADeletedOneTakesItsGrants) {
  accounts::Accounts accounts(*database_, clock_, random_);
  const auto acme = accounts.create_organization("acme", "", actor_).value();
  accounts::Teams teams(*database_, clock_, random_);
  const auto team = teams.create("acme", "ops", "", actor_).value();
  accounts::Grants grants(*database_, clock_);
  for (const char* name : {"acme/app", "acme/other"}) {
    const auto made = repositories_->create(named(name), {}, actor_);
    ASSERT_TRUE(grants.set(team, {acme.id, made->id, name}, accounts::Level::admin, actor_));
  }
  EXPECT_EQ(grants.of_team(team, 0, 10)->size(), 2U);
  ASSERT_TRUE(repositories_->remove(named("acme/app"), actor_));
  ASSERT_EQ(grants.of_team(team, 0, 10)->size(), 1U);
  EXPECT_EQ(grants.of_team(team, 0, 10)->at(0).repository_id,
            repositories_->find(named("acme/other")).value()->id);
}

TEST_F(RepositoriesTest, ListsArePagedByBytes) {
  for (const std::string_view name : {"alice/b", "alice/a", "alice/a-b", "alice/a/b"}) {
    ASSERT_TRUE(
        repositories_->create(named(name), {.visibility = Visibility::public_access}, actor_));
  }
  const VisibleSet everyone;
  EXPECT_EQ(repositories_->list(everyone, "", 3).value(),
            (std::vector<std::string>{"alice/a", "alice/a-b", "alice/a/b"}));
  EXPECT_EQ(repositories_->list(everyone, "alice/a/b", 3).value(),
            std::vector<std::string>{"alice/b"});
  EXPECT_TRUE(repositories_->list(everyone, "", 0)->empty());
}

TEST_F(RepositoriesTest, PagesShowWhatTheCallerSeesOfOneNamespaceOrOfAll) {
  accounts::Accounts accounts(*database_, clock_, random_);
  const auto acme = accounts.create_organization("acme", "", actor_).value();
  ASSERT_TRUE(accounts.create_organization("acme-x", "", actor_));
  const auto add = [&](std::string_view name, Visibility visibility) {
    return repositories_->create(named(name), {.visibility = visibility}, actor_).value().id;
  };
  add("acme/a", Visibility::private_access);
  add("acme/b", Visibility::public_access);
  const std::int64_t single = add("acme/c", Visibility::private_access);
  add("acme-x/a", Visibility::public_access);
  add("alice/a", Visibility::private_access);
  const auto names = [&](const RepositoryQuery& query) {
    std::vector<std::string> found;
    for (const Repository& one : repositories_->page(query).value()) {
      found.push_back(one.name.text());
    }
    return found;
  };
  using Names = std::vector<std::string>;
  const VisibleSet everyone;
  const VisibleSet all{.all = true};
  const VisibleSet of_acme{.namespace_ids = {acme.id}, .repository_ids = {single}};
  const VisibleSet with_single{.repository_ids = {single}};
  EXPECT_EQ(names({.visible = everyone}), (Names{"acme-x/a", "acme/b"}));
  EXPECT_EQ(names({.visible = all, .ns = "acme"}), (Names{"acme/a", "acme/b", "acme/c"}));
  EXPECT_EQ(names({.visible = all, .ns = "acme", .start = "acme/b"}), (Names{"acme/b", "acme/c"}));
  EXPECT_EQ(names({.visible = all, .start = "acme/b", .limit = 2}), (Names{"acme/b", "acme/c"}));
  EXPECT_EQ(names({.visible = of_acme}), (Names{"acme-x/a", "acme/a", "acme/b", "acme/c"}));
  EXPECT_EQ(names({.visible = with_single, .ns = "acme"}), (Names{"acme/b", "acme/c"}));
  EXPECT_TRUE(names({.visible = all, .ns = "alice", .start = "zzz"}).empty());
  EXPECT_EQ(repositories_->count({.visible = all}).value(), 5);
  EXPECT_EQ(repositories_->count({.visible = of_acme}).value(), 4);
  EXPECT_EQ(repositories_->count({.visible = with_single, .ns = "acme"}).value(), 2);
}

TEST_F(RepositoriesTest, FieldsAreKeptAndChecked) {
  const auto made = repositories_->create(
      named("alice/app"), {.short_description = "short", .long_description = "# long"}, actor_);
  ASSERT_TRUE(made) << describe(made.error());
  EXPECT_EQ(made->short_description, "short");
  EXPECT_EQ(made->visibility, Visibility::private_access);
  EXPECT_EQ(repositories_->long_description(named("alice/app")).value(), "# long");
  const auto changed = repositories_->update(
      named("alice/app"), {.scan_on_push = true, .immutable_tags = true, .tag_limit = 3}, actor_);
  ASSERT_TRUE(changed) << describe(changed.error());
  EXPECT_TRUE(changed->scan_on_push && changed->immutable_tags);
  EXPECT_EQ(changed->tag_limit, 3);
  EXPECT_EQ(changed->short_description, "short");
  EXPECT_EQ(repositories_->update(named("alice/app"), {.tag_limit = -1}, actor_).error().reason,
            kFieldsInvalid);
  EXPECT_FALSE(repositories_->create(
      named("alice/b"), {.short_description = std::string(kShortDescriptionBytes + 1, 'x')},
      actor_));
  EXPECT_FALSE(repositories_->update(named("alice/app"),
                                     {.long_description = std::string("a\0b", 3)}, actor_));
}

TEST_F(RepositoriesTest, EveryChangeHasItsEvent) {
  ASSERT_TRUE(repositories_->create(named("alice/app"), {}, actor_));
  ASSERT_TRUE(
      repositories_->update(named("alice/app"), {.visibility = Visibility::public_access}, actor_));
  ASSERT_TRUE(repositories_->remove(named("alice/app"), actor_));
  std::vector<events::Event> seen;
  ASSERT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(seen, events::list(tx, 0, 10));
    return {};
  }));
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[1].type, events::Type::repository_created);
  EXPECT_EQ(seen[2].type, events::Type::repository_updated);
  EXPECT_EQ(seen[3].type, events::Type::repository_deleted);
  EXPECT_EQ(seen[3].repository, "alice/app");
}

}  // namespace
}  // namespace holdfast::repos
