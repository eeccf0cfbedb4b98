#include "accounts/accounts.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "crypto/secret.hpp"
#include "db/migrations.hpp"
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
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
  }
  ~AccountsTest() override { std::filesystem::remove_all(folder_); }
  Account add(const std::string& name, bool administrator = false) {
    return accounts_->create_user({name, "a good password", administrator, false}, actor_).value();
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
  AccountQuery from_bob;
  from_bob.start = "b";
  const auto behind = accounts_->list(from_bob).value();
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
  AccountChange disable;
  disable.is_active = false;
  ASSERT_TRUE(accounts_->update("alice", disable, actor_));
  EXPECT_EQ(accounts_->cached_subject(alice.id), nullptr);
  const auto after = accounts_->subject(alice.id).value();
  EXPECT_FALSE(after->is_active);
  EXPECT_GT(after->version, before->version);
  AccountChange password;
  password.password = "another password";
  ASSERT_TRUE(accounts_->update("alice", password, actor_));
  EXPECT_TRUE(crypto::verify_password("another password",
                                      accounts_->credentials("alice").value()->password_hash));
  EXPECT_EQ(accounts_->credentials("nobody").value(), std::nullopt);
}

TEST_F(AccountsTest, NoneOfTheLastFivePasswordsIsTakenAgain) {
  add("root", true);
  ASSERT_TRUE(accounts_->create_user({"alice", "password number 0"}, actor_));
  const auto set = [&](int number) {
    return accounts_->update("alice", {.password = "password number " + std::to_string(number)},
                             actor_);
  };
  EXPECT_EQ(set(0).error().reason, kPasswordInvalid);
  for (int number = 1; number <= 5; ++number) ASSERT_TRUE(set(number));
  for (int number = 1; number <= 5; ++number) {
    EXPECT_EQ(set(number).error().reason, kPasswordInvalid) << number;
  }
  EXPECT_TRUE(set(0));
  EXPECT_TRUE(set(1));
  // Of another account it says nothing.
  EXPECT_TRUE(accounts_->update("root", {.password = "password number 1"}, actor_));
  ASSERT_TRUE(accounts_->remove("alice", actor_));
  ASSERT_TRUE(accounts_->create_user({"alice", "password number 1"}, actor_));
}

TEST_F(AccountsTest, TheLastAdministratorStays) {
  add("root", true);
  AccountChange disable;
  disable.is_active = false;
  AccountChange demote;
  demote.is_administrator = false;
  EXPECT_EQ(accounts_->update("root", disable, actor_).error().reason, kLastAdministrator);
  EXPECT_EQ(accounts_->update("root", demote, actor_).error().reason, kLastAdministrator);
  EXPECT_TRUE(accounts_->find("root")->is_active);
  add("second", true);
  EXPECT_TRUE(accounts_->update("root", disable, actor_));
}

TEST_F(AccountsTest, EveryChangeHasItsEvent) {
  add("root", true);
  ASSERT_TRUE(accounts_->update("root", {.password = "another password"}, actor_));
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
