#include "accounts/service_accounts.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/access_tokens.hpp"
#include "accounts/authenticator.hpp"
#include "accounts/grants.hpp"
#include "accounts/logins.hpp"
#include "accounts/organizations.hpp"
#include "accounts/teams.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::accounts {
namespace {

class ServiceAccountsTest : public testing::Test {
 protected:
  ServiceAccountsTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-service-accounts-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
    tokens_ = std::make_unique<AccessTokens>(*database_, clock_, random_);
    teams_ = std::make_unique<Teams>(*database_, clock_, random_);
    service_accounts_ = std::make_unique<ServiceAccounts>(*database_, clock_, random_);
    EXPECT_TRUE(accounts_->create_user({"alice", "a good password", true}, actor_));
    acme_ = accounts_->create_organization("acme", "", actor_).value();
    other_ = accounts_->create_organization("other", "", actor_).value();
    EXPECT_TRUE(teams_->create("acme", "ops", "", actor_));
    EXPECT_TRUE(teams_->create("other", "ops", "", actor_));
  }
  ~ServiceAccountsTest() override { std::filesystem::remove_all(folder_); }

  Account make(std::string_view name) {
    return service_accounts_->create("acme", name, "", actor_).value();
  }
  std::shared_ptr<const Subject> subject(const Account& account) {
    return accounts_->subject(account.id).value();
  }
  template <typename Outcome>
  static std::string_view reason(const Outcome& outcome) {
    return outcome ? std::string_view("fine") : outcome.error().reason;
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000)};
  SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<AccessTokens> tokens_;
  std::unique_ptr<Teams> teams_;
  std::unique_ptr<ServiceAccounts> service_accounts_;
  Account acme_;
  Account other_;
  events::Actor actor_{0, "system", "", "", ""};
};

TEST_F(ServiceAccountsTest, BelongsToItsOrganizationAndOwnsNothing) {
  const Account ci = make("ci");
  EXPECT_EQ(ci.name, "acme..ci");
  EXPECT_EQ(ci.kind, Kind::service);
  EXPECT_EQ(subject(ci)->member_of, std::vector{acme_.id});
  EXPECT_TRUE(subject(ci)->owned_namespaces.empty());
  EXPECT_TRUE(subject(ci)->grants.empty());
  EXPECT_EQ(service_accounts_->find(acme_, "ci")->id, ci.id);
  EXPECT_EQ(service_accounts_->find(acme_, "acme..ci")->id, ci.id);
  EXPECT_EQ(reason(service_accounts_->find(other_, "acme..ci")), kServiceAccountUnknown);
  EXPECT_EQ(reason(service_accounts_->find(other_, "ci")), kServiceAccountUnknown);
  EXPECT_EQ(reason(service_accounts_->create("acme", "ci", "", actor_)), kAccountExists);
  EXPECT_EQ(reason(service_accounts_->create("alice", "ci", "", actor_)), kAccountUnknown);
  EXPECT_EQ(reason(accounts_->create_user({"acme..ci", "a good password"}, actor_)),
            kAccountNameInvalid);
  for (const std::string_view name : {"", "c", "a..b", "CI", "-ci", "a/b", "a b"}) {
    EXPECT_EQ(reason(service_accounts_->create("acme", name, "", actor_)), kAccountNameInvalid);
  }
}

TEST_F(ServiceAccountsTest, IsInTeamsOfItsOrganizationAlone) {
  const Account ci = make("ci");
  EXPECT_TRUE(teams_->set_member("acme", "ops", ci.name, std::nullopt, actor_));
  EXPECT_EQ(accounts_->find("acme")->members_count, 0);
  EXPECT_EQ(teams_->find("acme", "ops")->members_count, 1);
  Grants grants(*database_, clock_);
  EXPECT_TRUE(grants.set(teams_->find("acme", "ops").value(), {acme_.id, 0, ""}, Level::read_write,
                         actor_));
  ASSERT_EQ(subject(ci)->grants.size(), 1U);
  EXPECT_EQ(subject(ci)->grants[0].namespace_id, acme_.id);
  EXPECT_EQ(reason(teams_->set_member("other", "ops", ci.name, std::nullopt, actor_)),
            kAccountUnknown);
  EXPECT_EQ(reason(teams_->set_member("acme", "ops", ci.name, true, actor_)), kNotAUser);
  Organizations organizations(*database_, clock_);
  EXPECT_EQ(reason(organizations.set_member("acme", ci.name, true, actor_)), kAccountUnknown);
  EXPECT_EQ(reason(organizations.set_member("other", ci.name, false, actor_)), kAccountUnknown);
  AccountChange administrator;
  administrator.is_administrator = true;
  EXPECT_EQ(reason(accounts_->update(ci.name, administrator, actor_)), kNotAUser);
  AccountChange password;
  password.password = "a good password";
  EXPECT_EQ(reason(accounts_->update(ci.name, password, actor_)), kNotAUser);
  EXPECT_TRUE(accounts_->remove(ci.name, actor_));
  EXPECT_EQ(teams_->find("acme", "ops")->members_count, 0);
}

TEST_F(ServiceAccountsTest, LogsInWithItsTokensAlone) {
  const Account ci = make("ci");
  events::Counted counted(*database_, clock_);
  Authenticator authenticator(*accounts_, counted, clock_, random_);
  Logins logins(*accounts_, authenticator, *tokens_);
  const auto token = tokens_->create(ci.name, {.label = "build"}, actor_).value();
  EXPECT_EQ(logins.log_in(ci.name, token.secret, actor_)->account_id, ci.id);
  EXPECT_EQ(reason(logins.log_in(ci.name, "", actor_)), kCredentialsWrong);
  EXPECT_EQ(reason(logins.log_in("alice", token.secret, actor_)), kCredentialsWrong);
  AccountChange disabled;
  disabled.is_active = false;
  EXPECT_TRUE(accounts_->update(ci.name, disabled, actor_));
  EXPECT_EQ(reason(logins.log_in(ci.name, token.secret, actor_)), kCredentialsWrong);
}

TEST_F(ServiceAccountsTest, AreListedByTheirOrganizationAndGoWithIt) {
  const Account ci = make("ci");
  make("cd");
  EXPECT_TRUE(service_accounts_->create("other", "ci", "", actor_));
  EXPECT_TRUE(teams_->set_member("acme", "ops", ci.name, std::nullopt, actor_));
  const auto token = tokens_->create(ci.name, {.label = "build"}, actor_).value();
  const auto listed = service_accounts_->list(acme_, "", 10).value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "acme..cd");
  EXPECT_EQ(service_accounts_->list(acme_, "acme..ci", 10)->size(), 1U);
  EXPECT_EQ(accounts_->list({})->size(), 3U);  // alice, acme, other
  EXPECT_EQ(accounts_->count({}).value(), 3);
  EXPECT_EQ(accounts_->totals()->users, 1);
  EXPECT_EQ(accounts_->totals()->organizations, 2);
  const auto before = subject(ci);
  EXPECT_TRUE(accounts_->remove("acme", actor_));
  EXPECT_EQ(reason(accounts_->find("acme..ci")), kAccountUnknown);
  EXPECT_EQ(reason(accounts_->find("acme..cd")), kAccountUnknown);
  EXPECT_EQ(reason(accounts_->subject(ci.id)), kAccountUnknown);
  EXPECT_EQ(tokens_->count(ci.id).value(), 0);
  EXPECT_TRUE(accounts_->find("other..ci"));
}

}  // namespace
}  // namespace holdfast::accounts
