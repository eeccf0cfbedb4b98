#include "token/refresh.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::token {
namespace {

class RefreshTest : public testing::Test {
 protected:
  RefreshTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-refresh-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(
        db::joined({events::migrations(), accounts::migrations(), migrations()})));
    accounts_ = std::make_unique<accounts::Accounts>(*database_, clock_, random_);
    alice_ = accounts_->create_user({"alice", "a good password", true}, {}).value();
  }
  ~RefreshTest() override { std::filesystem::remove_all(folder_); }
  RefreshTokens tokens() { return {*database_, *accounts_, clock_, random_}; }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<accounts::Accounts> accounts_;
  accounts::Account alice_;
};

TEST_F(RefreshTest, GoesWithItsAccount) {
  const std::string token = tokens().issue(alice_, "here", "docker").value();
  ASSERT_TRUE(accounts_->create_user({"root", "a good password", true}, {}));
  ASSERT_TRUE(accounts_->remove("alice", {}));
  EXPECT_EQ(tokens().verify(token, "here").error().reason, kRefreshTokenInvalid);
}

// The table is made anew by a later migration: what was in it stays.
TEST_F(RefreshTest, OutlivesAMigration) {
  const auto database = db::sqlite::open((folder_ / "old.db").string()).value();
  ASSERT_TRUE(database->migrate(
      db::joined({events::migrations(), accounts::migrations(), migrations().first(1)})));
  accounts::Accounts accounts(*database, clock_, random_);
  const auto alice = accounts.create_user({"alice", "a good password"}, {}).value();
  RefreshTokens tokens(*database, accounts, clock_, random_);
  const std::string token = tokens.issue(alice, "here", "docker").value();
  ASSERT_TRUE(
      database->migrate(db::joined({events::migrations(), accounts::migrations(), migrations()})));
  EXPECT_EQ(tokens.verify(token, "here")->name, "alice");
}

TEST_F(RefreshTest, IsBoundToUserServiceAndPassword) {
  const std::string token = tokens().issue(alice_, "here", "docker").value();
  EXPECT_EQ(tokens().verify(token, "here")->name, "alice");
  EXPECT_EQ(tokens().verify(token, "elsewhere").error().reason, kRefreshTokenInvalid);
  EXPECT_EQ(tokens().verify(token + "0", "here").error().reason, kRefreshTokenInvalid);
  ASSERT_TRUE(accounts_->update("alice", {.password = "another password"}, {}));
  EXPECT_EQ(tokens().verify(token, "here").error().reason, kRefreshTokenInvalid);
}

TEST_F(RefreshTest, AnAccountHasSixtyFourAtMost) {
  const std::string first = tokens().issue(alice_, "here", "docker").value();
  std::string last;
  for (int i = 0; i < 64; ++i) last = tokens().issue(alice_, "here", "docker").value();
  EXPECT_FALSE(tokens().verify(first, "here"));
  EXPECT_TRUE(tokens().verify(last, "here"));
}

}  // namespace
}  // namespace holdfast::token
