#include "accounts/accounts.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "crypto/secret.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::accounts {
namespace {

class AccountsTest : public testing::Test {
 protected:
  AccountsTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-accounts-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(
        database_->migrate(std::vector<db::Migration>{events::migrations()[0], migrations()[0]}));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
  }
  ~AccountsTest() override { std::filesystem::remove_all(folder_); }
  Account add(const std::string& name, bool administrator = false) {
    return accounts_->create_user({name, "a good password", administrator, false}, actor_).value();
  }
  void sql(std::string_view text) {
    EXPECT_TRUE(database_->write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
      HF_CHECK(tx.execute(text, {}));
      return {};
    }));
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000)};
  SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
  events::Actor actor_{0, "system", "", "", ""};
};

TEST_F(AccountsTest, UsersAreCreatedFoundAndListed) {
  EXPECT_TRUE(accounts_->empty().value());
  const Account alice = add("alice");
  add("bob", true);
  EXPECT_FALSE(accounts_->empty().value());
  EXPECT_EQ(accounts_->find("alice")->uuid, alice.uuid);
  EXPECT_EQ(accounts_->find(alice.id)->name, "alice");
  EXPECT_EQ(accounts_->find("carol").error().reason, kAccountUnknown);
  const auto behind = accounts_->list("alice", 10).value();
  ASSERT_EQ(behind.size(), 1U);
  EXPECT_EQ(behind[0].name, "bob");
  EXPECT_TRUE(behind[0].is_administrator);
  EXPECT_EQ(accounts_->create_user({"alice", "a good password"}, actor_).error().reason,
            kAccountExists);
}

TEST_F(AccountsTest, NamesAndPasswordsHaveTheirRules) {
  for (const std::string& name :
       {std::string("a"), std::string("Alice"), std::string("a/b"), std::string("v2"),
        std::string("api"), std::string(41, 'a'), std::string("a..b"), std::string()}) {
    EXPECT_EQ(accounts_->create_user({name, "a good password"}, actor_).error().reason,
              kAccountNameInvalid)
        << name;
  }
  EXPECT_EQ(accounts_->create_user({"alice", "short"}, actor_).error().reason, kPasswordInvalid);
  EXPECT_EQ(accounts_->create_user({"alice", std::string(1025, 'x')}, actor_).error().reason,
            kPasswordInvalid);
  EXPECT_TRUE(accounts_->create_user({"admin", "a good password"}, actor_));
}

TEST_F(AccountsTest, AChangeIsInForceWithTheNextLook) {
  add("root", true);
  const Account alice = add("alice");
  const auto before = accounts_->subject(alice.id).value();
  EXPECT_TRUE(before->is_active);
  EXPECT_EQ(accounts_->cached_subject(alice.id), before);
  UserChange disable;
  disable.is_active = false;
  ASSERT_TRUE(accounts_->update_user("alice", disable, actor_));
  EXPECT_EQ(accounts_->cached_subject(alice.id), nullptr);
  const auto after = accounts_->subject(alice.id).value();
  EXPECT_FALSE(after->is_active);
  EXPECT_GT(after->version, before->version);
  UserChange password;
  password.password = "another password";
  ASSERT_TRUE(accounts_->update_user("alice", password, actor_));
  EXPECT_TRUE(crypto::verify_password("another password",
                                      accounts_->credentials("alice").value()->password_hash));
  EXPECT_EQ(accounts_->credentials("nobody").value(), std::nullopt);
}

TEST_F(AccountsTest, TheLastAdministratorStays) {
  add("root", true);
  UserChange disable;
  disable.is_active = false;
  UserChange demote;
  demote.is_administrator = false;
  EXPECT_EQ(accounts_->update_user("root", disable, actor_).error().reason, kLastAdministrator);
  EXPECT_EQ(accounts_->update_user("root", demote, actor_).error().reason, kLastAdministrator);
  EXPECT_TRUE(accounts_->find("root")->is_active);
  add("second", true);
  EXPECT_TRUE(accounts_->update_user("root", disable, actor_));
}

TEST_F(AccountsTest, ASubjectHoldsWhatItsTeamsWereGiven) {
  const Account alice = add("alice");
  sql("INSERT INTO accounts (id, uuid, name, kind, full_name, is_administrator, is_active, "
      "must_change_password, "
      "password_hash, version, created_at) VALUES (50, 'u', 'org', 1, '', 0, 1, 0, '', 1, 0)");
  sql("INSERT INTO organization_members SELECT 50, id, 0 FROM accounts WHERE name = 'alice'");
  sql("INSERT INTO teams VALUES (1, 't1', 50, 'devs', ''), (2, 't2', 50, 'ops', '')");
  sql("INSERT INTO team_members SELECT 1, id FROM accounts WHERE name = 'alice'");
  sql("INSERT INTO team_members SELECT 2, id FROM accounts WHERE name = 'alice'");
  sql("INSERT INTO grants VALUES (1, 50, 9, 1), (2, 50, 9, 3), (1, 50, 0, 1)");
  const auto subject = accounts_->subject(alice.id).value();
  EXPECT_EQ(subject->member_of, std::vector<std::int64_t>{50});
  EXPECT_EQ(subject->owned_namespaces, std::vector<std::int64_t>{alice.id});
  ASSERT_EQ(subject->grants.size(), 2U);
  EXPECT_EQ(subject->grants[1].repository_id, 9);
  EXPECT_EQ(subject->grants[1].level, Level::admin);
  EXPECT_EQ(accounts_->subject(50).error().reason, kAccountUnknown);
}

TEST_F(AccountsTest, EveryChangeHasItsEvent) {
  add("root", true);
  ASSERT_TRUE(accounts_->update_user("root", {"another password", {}, {}}, actor_));
  std::vector<events::Event> seen;
  ASSERT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(seen, events::list(tx, 0, 10));
    return {};
  }));
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].type, events::Type::user_created);
  EXPECT_EQ(seen[1].type, events::Type::user_updated);
  EXPECT_EQ(seen[1].object, "root");
}

}  // namespace
}  // namespace holdfast::accounts
