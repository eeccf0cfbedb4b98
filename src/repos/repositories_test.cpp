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
  const auto made =
      repositories_->create(named("alice/app/web"), Visibility::private_access, actor_);
  ASSERT_TRUE(made) << describe(made.error());
  EXPECT_EQ(made->namespace_id, repositories_->namespace_id("alice").value());
  EXPECT_EQ(repositories_->create(named("alice/app/web"), Visibility::private_access, actor_)
                .error()
                .reason,
            kRepositoryExists);
  EXPECT_EQ(
      repositories_->create(named("bob/app"), Visibility::private_access, actor_).error().reason,
      kNamespaceUnknown);
}

TEST_F(RepositoriesTest, AChangeIsSeenByTheNextLook) {
  ASSERT_TRUE(repositories_->create(named("alice/app"), Visibility::private_access, actor_));
  EXPECT_EQ(repositories_->cached("alice/app"), nullptr);
  const auto before = repositories_->find(named("alice/app")).value();
  EXPECT_EQ(repositories_->cached("alice/app"), before);
  ASSERT_TRUE(repositories_->set_visibility(named("alice/app"), Visibility::public_access, actor_));
  EXPECT_EQ(repositories_->find(named("alice/app")).value()->visibility, Visibility::public_access);
  ASSERT_TRUE(repositories_->remove(named("alice/app"), actor_));
  EXPECT_EQ(repositories_->cached("alice/app"), nullptr);
  EXPECT_EQ(repositories_->find(named("alice/app")).error().reason, kRepositoryUnknown);
  EXPECT_EQ(repositories_->remove(named("alice/app"), actor_).error().reason, kRepositoryUnknown);
  EXPECT_EQ(repositories_->set_visibility(named("alice/app"), Visibility::public_access, actor_)
                .error()
                .reason,
            kRepositoryUnknown);
  const auto again = repositories_->create(named("alice/app"), Visibility::private_access, actor_);
  EXPECT_NE(again->id, before->id);
}

TEST_F(RepositoriesTest, ADeletedOneTakesItsGrants) {
  accounts::Accounts accounts(*database_, clock_, random_);
  const auto acme = accounts.create_organization("acme", "", actor_).value();
  accounts::Teams teams(*database_, clock_, random_);
  const auto team = teams.create("acme", "ops", "", actor_).value();
  accounts::Grants grants(*database_, clock_);
  for (const char* name : {"acme/app", "acme/other"}) {
    const auto made = repositories_->create(named(name), Visibility::private_access, actor_);
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
    ASSERT_TRUE(repositories_->create(named(name), Visibility::public_access, actor_));
  }
  const VisibleSet everyone;
  EXPECT_EQ(repositories_->list(everyone, "", 3).value(),
            (std::vector<std::string>{"alice/a", "alice/a-b", "alice/a/b"}));
  EXPECT_EQ(repositories_->list(everyone, "alice/a/b", 3).value(),
            std::vector<std::string>{"alice/b"});
  EXPECT_TRUE(repositories_->list(everyone, "", 0)->empty());
}

TEST_F(RepositoriesTest, EveryChangeHasItsEvent) {
  ASSERT_TRUE(repositories_->create(named("alice/app"), Visibility::private_access, actor_));
  ASSERT_TRUE(repositories_->set_visibility(named("alice/app"), Visibility::public_access, actor_));
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
