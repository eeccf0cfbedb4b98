#include "accounts/authenticator.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::accounts {
namespace {

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-login-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
    counted_ = std::make_unique<events::Counted>(*database_, clock_);
    authenticator_ = std::make_unique<Authenticator>(*accounts_, *counted_, clock_, random_);
    EXPECT_TRUE(accounts_->create_user({"root", kPassword, true, false}, {}));
    EXPECT_TRUE(accounts_->create_user({"alice", kPassword}, {}));
  }
  ~AuthenticatorTest() override { std::filesystem::remove_all(folder_); }

  // "ok", or the reason.
  std::string login(std::string_view name, std::string_view password,
                    const std::string& address = "192.0.2.1") {
    const auto outcome = authenticator_->authenticate(name, password, {0, "", address, "test", ""});
    return outcome ? "ok" : std::string(outcome.error().reason);
  }

  static constexpr const char* kPassword = "a good password";
  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'800'000'000'000'000)};
  SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<events::Counted> counted_;
  std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(AuthenticatorTest, WrongNameAndWrongPasswordAreTheSame) {
  EXPECT_EQ(login("alice", kPassword), "ok");
  const auto name = authenticator_->authenticate("nobody", kPassword, {});
  const auto password = authenticator_->authenticate("alice", "wrong", {});
  ASSERT_FALSE(name);
  ASSERT_FALSE(password);
  EXPECT_EQ(describe(name.error()), describe(password.error()));
  EXPECT_EQ(login("alice", std::string(kPassword) + std::string(2000, 'x')), kCredentialsWrong);
}

TEST_F(AuthenticatorTest, FailuresAreSlowedAndForgiven) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(login("alice", "wrong"), kCredentialsWrong);
  EXPECT_EQ(login("alice", "wrong"), kCredentialsWrong);
  const auto waiting =
      authenticator_->authenticate("alice", kPassword, {0, "", "192.0.2.9", "", ""});
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().reason, kTooManyFailures);
  EXPECT_EQ(waiting.error().details, std::vector<std::string>{"1"});
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(login("alice", "wrong"), kCredentialsWrong);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(login("alice", kPassword), kTooManyFailures);  // two seconds now
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(login("alice", kPassword), "ok");
  EXPECT_EQ(login("alice", "wrong"), kCredentialsWrong);  // the count began anew
}

TEST_F(AuthenticatorTest, AGuesserCannotLockTheOwnerOut) {
  EXPECT_EQ(login("alice", kPassword, "192.0.2.7"), "ok");
  clock_.advance(std::chrono::minutes(10));
  for (int i = 0; i < 12; ++i) login("alice", "guess", "198.51.100." + std::to_string(i));
  EXPECT_EQ(login("alice", kPassword, "198.51.100.99"), kTooManyFailures);
  EXPECT_EQ(login("alice", kPassword, "192.0.2.7"), "ok");
}

TEST_F(AuthenticatorTest, AnAddressIsSlowedOverManyNamesAndIPv6ByItsNetwork) {
  for (int i = 0; i < 21; ++i) {
    login("name" + std::to_string(i), "guess", "2001:db8:1:2::" + std::to_string(i));
  }
  EXPECT_EQ(login("root", kPassword, "2001:db8:1:2::ffff"), kTooManyFailures);
  EXPECT_EQ(login("root", kPassword, "2001:db8:1:3::1"), "ok");
}

TEST_F(AuthenticatorTest, ARememberedPasswordEndsWithTheAccountsVersionAndWithTime) {
  const auto id = accounts_->find("alice")->id;
  EXPECT_EQ(login("alice", kPassword), "ok");
  EXPECT_EQ(authenticator_->remembered("alice", kPassword),
            std::nullopt);  // its subject is not in memory
  ASSERT_TRUE(accounts_->subject(id));
  EXPECT_EQ(authenticator_->remembered("alice", kPassword), id);
  EXPECT_EQ(authenticator_->remembered("alice", "wrong"), std::nullopt);
  AccountChange disable;
  disable.is_active = false;
  ASSERT_TRUE(accounts_->update("alice", disable, {}));
  ASSERT_TRUE(accounts_->subject(id));
  EXPECT_EQ(authenticator_->remembered("alice", kPassword), std::nullopt);
  EXPECT_EQ(login("alice", kPassword), kCredentialsWrong);
  EXPECT_EQ(login("root", kPassword), "ok");
  ASSERT_TRUE(accounts_->subject(accounts_->find("root")->id));
  clock_.advance(std::chrono::seconds(61));
  EXPECT_EQ(authenticator_->remembered("root", kPassword), std::nullopt);
}

TEST_F(AuthenticatorTest, FailedLoginsAreEvents) {
  login("alice", "wrong");
  login("alice", "wrong");
  ASSERT_TRUE(counted_->flush());
  std::vector<events::Event> seen;
  ASSERT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(seen, events::list(tx, 0, 10));
    return {};
  }));
  EXPECT_EQ(seen.back().type, events::Type::login_failed);
  EXPECT_EQ(seen.back().count, 2);
  EXPECT_EQ(seen.back().object, "alice");
}

TEST_F(AuthenticatorTest, WhateverBytesANameHasItIsWrongAndAnEvent) {
  std::string cut;  // in the middle of a letter, where the event's object ends
  for (int i = 0; i < 30; ++i) cut += "\xe6\xbc\xa2";
  for (const std::string& name : {std::string("a\0b", 3), std::string("\xff\xfe"), cut}) {
    EXPECT_EQ(login(name, kPassword), kCredentialsWrong);
  }
  EXPECT_TRUE(counted_->flush());
}

}  // namespace
}  // namespace holdfast::accounts
