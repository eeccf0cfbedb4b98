#include "accounts/organizations.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/grants.hpp"
#include "accounts/teams.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::accounts {
namespace {

class OrganizationsTest : public testing::Test {
 protected:
  OrganizationsTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-organizations-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
    organizations_ = std::make_unique<Organizations>(*database_, clock_);
    teams_ = std::make_unique<Teams>(*database_, clock_, random_);
    grants_ = std::make_unique<Grants>(*database_, clock_);
    for (const char* user : {"alice", "bob", "carol"}) {
      EXPECT_TRUE(accounts_->create_user({user, "a good password"}, actor_));
    }
    acme_ = accounts_->create_organization("acme", "Acme Corporation", actor_).value();
  }
  ~OrganizationsTest() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<const Subject> subject(std::string_view name) {
    return accounts_->subject(accounts_->find(name)->id).value();
  }
  bool owns_acme(std::string_view name) {
    return std::ranges::binary_search(subject(name)->owned_namespaces, acme_.id);
  }
  std::vector<std::string> member_names(const MemberQuery& query) {
    std::vector<std::string> names;
    for (const Member& member : organizations_->members("acme", query).value()) {
      names.push_back(member.user.name);
    }
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::string> events() {
    std::vector<std::string> texts;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      texts.clear();
      HF_TRY(const auto all, events::list(tx, 0, 1000));
      for (const events::Event& event : all) {
        texts.push_back(
            fmt::format("{} {} {}", events::name(event.type), event.object, event.detail));
      }
      return {};
    }));
    return texts;
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000)};
  SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<Organizations> organizations_;
  std::unique_ptr<Teams> teams_;
  std::unique_ptr<Grants> grants_;
  Account acme_;
  events::Actor actor_{0, "system", "", "", ""};
};

TEST_F(OrganizationsTest, AnOrganizationHasNoLoginAndSharesTheNamesOfUsers) {
  EXPECT_EQ(acme_.kind, Kind::organization);
  EXPECT_EQ(acme_.full_name, "Acme Corporation");
  EXPECT_FALSE(accounts_->credentials("acme").value());
  EXPECT_EQ(accounts_->create_organization("alice", "", actor_).error().reason, kAccountExists);
  EXPECT_EQ(accounts_->create_user({"acme", "a good password"}, actor_).error().reason,
            kAccountExists);
  EXPECT_EQ(accounts_->update("acme", {.password = "a good password"}, actor_).error().reason,
            kNotAUser);
  EXPECT_EQ(accounts_->update("acme", {.is_administrator = true}, actor_).error().reason,
            kNotAUser);
  EXPECT_EQ(accounts_->create_organization(acme_.uuid, "", actor_).error().reason,
            kAccountNameInvalid);
  EXPECT_EQ(accounts_->find_uuid(acme_.uuid)->name, "acme");
}

// The version ends logins that are remembered: it stands for rights and secrets alone.
TEST_F(OrganizationsTest, AnotherFullNameEndsNoLogin) {
  ASSERT_TRUE(accounts_->update("carol", {.is_administrator = true}, actor_));
  const std::int64_t before = accounts_->find("alice")->version;
  EXPECT_EQ(accounts_->update("alice", {.full_name = "Alice"}, actor_)->version, before);
  EXPECT_EQ(accounts_->update("alice", {.is_active = true}, actor_)->version, before);
  EXPECT_GT(accounts_->update("alice", {.is_active = false}, actor_)->version, before);
}

TEST_F(OrganizationsTest, MembersComeAndGoAndTheirRightsWithThem) {
  EXPECT_TRUE(subject("alice")->member_of.empty());
  EXPECT_FALSE(organizations_->set_member("acme", "alice", std::nullopt, actor_)->is_admin);
  EXPECT_EQ(subject("alice")->member_of, std::vector{acme_.id});
  EXPECT_FALSE(owns_acme("alice"));
  EXPECT_TRUE(organizations_->set_member("acme", "alice", true, actor_)->is_admin);
  EXPECT_TRUE(owns_acme("alice"));
  // Nothing said: what they are stays.
  EXPECT_TRUE(organizations_->set_member("acme", "alice", std::nullopt, actor_)->is_admin);
  EXPECT_TRUE(organizations_->set_member("acme", "bob", false, actor_));
  EXPECT_EQ(accounts_->find("acme")->members_count, 2);

  EXPECT_EQ(member_names({}), (std::vector<std::string>{"alice", "bob"}));
  EXPECT_EQ(member_names({.filter = MemberFilter::admins}), std::vector<std::string>{"alice"});
  EXPECT_EQ(member_names({.filter = MemberFilter::non_admins}), std::vector<std::string>{"bob"});
  const auto first = organizations_->members("acme", {.limit = 1}).value();
  ASSERT_EQ(first.size(), 1U);
  const auto again =
      organizations_->members("acme", {.start = first[0].user.uuid, .limit = 5}).value();
  ASSERT_EQ(again.size(), 2U);  // the start is in the page
  EXPECT_LT(again[0].user.uuid, again[1].user.uuid);

  const auto of_alice = organizations_->of_user("alice", "", 10).value();
  ASSERT_EQ(of_alice.size(), 1U);
  EXPECT_TRUE(of_alice[0].is_owner);
  EXPECT_EQ(of_alice[0].organization.name, "acme");

  ASSERT_TRUE(organizations_->remove_member("acme", "alice", actor_));
  EXPECT_FALSE(owns_acme("alice"));
  EXPECT_EQ(organizations_->remove_member("acme", "alice", actor_).error().reason, kMemberUnknown);
  EXPECT_EQ(organizations_->member("acme", "alice").error().reason, kMemberUnknown);
  EXPECT_EQ(organizations_->set_member("alice", "bob", {}, actor_).error().reason, kAccountUnknown);
  EXPECT_EQ(organizations_->set_member("acme", "acme", {}, actor_).error().reason, kAccountUnknown);
  EXPECT_EQ(accounts_->find("acme")->members_count, 1);
  EXPECT_EQ(events().back(), "member_removed acme/alice ");
}

TEST_F(OrganizationsTest, TeamsGiveTheirMembersWhatTheyWereGiven) {
  const Team developers = teams_->create("acme", "developers", "Those who push", actor_).value();
  EXPECT_EQ(teams_->create("acme", "developers", "", actor_).error().reason, kTeamExists);
  EXPECT_EQ(teams_->create("alice", "developers", "", actor_).error().reason, kAccountUnknown);
  EXPECT_EQ(teams_->find("acme", developers.uuid)->name, "developers");
  // Into the organization as well.
  EXPECT_FALSE(teams_->set_member("acme", "developers", "alice", {}, actor_)->is_admin);
  EXPECT_TRUE(organizations_->member("acme", "alice"));
  EXPECT_TRUE(teams_->set_member("acme", "developers", "alice", true, actor_)->is_admin);
  EXPECT_EQ(teams_->find("acme", "developers")->members_count, 1);
  EXPECT_EQ(accounts_->find("acme")->teams_count, 1);

  const GrantTarget on_app{acme_.id, 7, "acme/app"};
  const GrantTarget on_all{acme_.id, 0, ""};
  ASSERT_TRUE(grants_->set(developers, on_app, Level::read_only, actor_));
  ASSERT_TRUE(grants_->set(developers, on_app, Level::read_write, actor_));
  ASSERT_EQ(subject("alice")->grants.size(), 1U);
  EXPECT_EQ(subject("alice")->grants[0].level, Level::read_write);
  EXPECT_EQ(events().back(), "access_granted acme/developers read-write");
  ASSERT_TRUE(grants_->set(developers, on_all, Level::read_only, actor_));
  EXPECT_EQ(subject("alice")->grants.size(), 2U);
  EXPECT_EQ(grants_->find(developers, on_all).value(), Level::read_only);
  EXPECT_EQ(grants_->of_target(on_app, "", 10)->size(), 1U);
  EXPECT_EQ(*grants_->count(on_app), 1);
  EXPECT_EQ(grants_->of_team(developers, 0, 10)->at(0).repository_id, 7);
  EXPECT_EQ(*grants_->count_of_team(developers), 1);
  const GrantTarget elsewhere{accounts_->find("bob")->id, 0, ""};
  EXPECT_EQ(grants_->set(developers, elsewhere, Level::admin, actor_).error().reason, kTeamForeign);

  ASSERT_TRUE(grants_->remove(developers, on_all, actor_));
  ASSERT_TRUE(grants_->remove(developers, on_all, actor_));
  EXPECT_EQ(grants_->find(developers, on_all).error().reason, kGrantUnknown);
  EXPECT_EQ(subject("alice")->grants.size(), 1U);
  ASSERT_TRUE(teams_->remove_member("acme", "developers", "alice", actor_));
  EXPECT_TRUE(subject("alice")->grants.empty());
  EXPECT_EQ(teams_->member("acme", "developers", "alice").error().reason, kMemberUnknown);
  EXPECT_TRUE(organizations_->member("acme", "alice"));
}

TEST_F(OrganizationsTest, TheHighestOfAllTeamsWins) {
  const Team developers = teams_->create("acme", "developers", "", actor_).value();
  const Team operators = teams_->create("acme", "operators", "", actor_).value();
  ASSERT_TRUE(teams_->set_member("acme", "developers", "alice", {}, actor_));
  ASSERT_TRUE(teams_->set_member("acme", "operators", "alice", {}, actor_));
  ASSERT_TRUE(grants_->set(developers, {acme_.id, 9, "acme/app"}, Level::read_only, actor_));
  ASSERT_TRUE(grants_->set(operators, {acme_.id, 9, "acme/app"}, Level::admin, actor_));
  ASSERT_TRUE(grants_->set(developers, {acme_.id, 0, ""}, Level::read_only, actor_));
  const auto alice = subject("alice");
  EXPECT_EQ(alice->owned_namespaces, std::vector{alice->account_id});
  ASSERT_EQ(alice->grants.size(), 2U);
  EXPECT_EQ(alice->grants[0].repository_id, 0);
  EXPECT_EQ(alice->grants[1].repository_id, 9);
  EXPECT_EQ(alice->grants[1].level, Level::admin);
  EXPECT_EQ(accounts_->subject(acme_.id).error().reason, kAccountUnknown);
}

TEST_F(OrganizationsTest, LeavingAnOrganizationLeavesItsTeams) {
  ASSERT_TRUE(accounts_->create_organization("other", "", actor_));
  ASSERT_TRUE(teams_->create("acme", "ops", "", actor_));
  ASSERT_TRUE(teams_->create("other", "ops", "", actor_));
  ASSERT_TRUE(teams_->set_member("acme", "ops", "alice", {}, actor_));
  ASSERT_TRUE(teams_->set_member("other", "ops", "alice", {}, actor_));
  ASSERT_TRUE(organizations_->remove_member("acme", "alice", actor_));
  EXPECT_EQ(teams_->find("acme", "ops")->members_count, 0);
  EXPECT_EQ(teams_->find("other", "ops")->members_count, 1);
  EXPECT_TRUE(teams_->of_member("acme", "alice", "", 10)->empty());
  EXPECT_EQ(teams_->of_member("other", "alice", "", 10)->size(), 1U);
}

TEST_F(OrganizationsTest, ARemovedTeamTakesItsGrantsAndARenamedOneKeepsThem) {
  const Team team = teams_->create("acme", "ops", "", actor_).value();
  ASSERT_TRUE(teams_->create("acme", "dev", "", actor_));
  ASSERT_TRUE(teams_->set_member("acme", "ops", "alice", {}, actor_));
  ASSERT_TRUE(grants_->set(team, {acme_.id, 0, ""}, Level::admin, actor_));
  EXPECT_EQ(teams_->update("acme", "ops", {.name = "dev"}, actor_).error().reason, kTeamExists);
  const Team renamed =
      teams_->update("acme", "ops", {.name = "operators", .description = "On call"}, actor_)
          .value();
  EXPECT_EQ(renamed.id, team.id);
  EXPECT_EQ(renamed.description, "On call");
  EXPECT_EQ(subject("alice")->grants.size(), 1U);
  EXPECT_EQ(teams_->list("acme", "e", 10)->size(), 1U);
  ASSERT_TRUE(teams_->remove("acme", "operators", actor_));
  EXPECT_TRUE(subject("alice")->grants.empty());
  EXPECT_EQ(teams_->find("acme", "operators").error().reason, kTeamUnknown);
  EXPECT_EQ(accounts_->find("acme")->teams_count, 1);
}

TEST_F(OrganizationsTest, DeletingAccountsLeavesNothingBehind) {
  const Team team = teams_->create("acme", "ops", "", actor_).value();
  ASSERT_TRUE(teams_->set_member("acme", "ops", "alice", {}, actor_));
  ASSERT_TRUE(teams_->set_member("acme", "ops", "bob", {}, actor_));
  ASSERT_TRUE(grants_->set(team, {acme_.id, 0, ""}, Level::read_only, actor_));
  const std::int64_t alice = accounts_->find("alice")->id;
  EXPECT_TRUE(subject("alice"));
  ASSERT_TRUE(accounts_->update("carol", {.is_administrator = true}, actor_));
  ASSERT_TRUE(accounts_->remove("alice", actor_));
  EXPECT_EQ(accounts_->subject(alice).error().reason, kAccountUnknown);
  EXPECT_EQ(accounts_->find("acme")->members_count, 1);
  EXPECT_EQ(teams_->find("acme", "ops")->members_count, 1);
  EXPECT_EQ(accounts_->remove("carol", actor_).error().reason, kLastAdministrator);
  ASSERT_TRUE(accounts_->remove("acme", actor_));
  EXPECT_TRUE(subject("bob")->grants.empty());
  EXPECT_TRUE(subject("bob")->member_of.empty());
  EXPECT_EQ(events().back(), "organization_deleted acme ");
}

TEST_F(OrganizationsTest, AccountsAreListedByFilterOrderAndPart) {
  ASSERT_TRUE(
      accounts_->update("carol", {.full_name = "Aunt Carol", .is_administrator = true}, actor_));
  ASSERT_TRUE(accounts_->update("bob", {.full_name = "100%_Bob", .is_active = false}, actor_));
  using Filter = AccountQuery::Filter;
  const auto names = [&](const AccountQuery& query) {
    std::string text;
    for (const Account& account : accounts_->list(query).value()) text += account.name + " ";
    return text;
  };
  EXPECT_EQ(names({}), "acme alice bob carol ");
  EXPECT_EQ(names({.descending = true}), "carol bob alice acme ");
  EXPECT_EQ(names({.filter = Filter::users, .start = "bob"}), "bob carol ");
  EXPECT_EQ(names({.descending = true, .start = "bob", .limit = 2}), "bob alice ");
  EXPECT_EQ(names({.filter = Filter::organizations}), "acme ");
  EXPECT_EQ(names({.filter = Filter::administrators}), "carol ");
  EXPECT_EQ(names({.filter = Filter::non_administrators}), "alice bob ");
  EXPECT_EQ(names({.filter = Filter::active_users}), "alice carol ");
  EXPECT_EQ(names({.filter = Filter::inactive_users}), "bob ");
  EXPECT_EQ(names({.order = AccountQuery::Order::full_name}), "alice bob acme carol ");
  EXPECT_EQ(names({.order = AccountQuery::Order::full_name, .start = "acme"}), "acme carol ");
  EXPECT_EQ(names({.order = AccountQuery::Order::full_name, .descending = true, .start = "acme"}),
            "acme bob alice ");
  EXPECT_EQ(names({.contains = "CORP"}), "acme ");
  EXPECT_EQ(names({.contains = "%_"}), "bob ");
  EXPECT_EQ(names({.contains = "\\"}), "");
  EXPECT_EQ(accounts_->count({.filter = Filter::users, .contains = "a"}).value(), 2);
  EXPECT_EQ(accounts_->totals()->users, 3);
  EXPECT_EQ(accounts_->totals()->organizations, 1);
}

}  // namespace
}  // namespace holdfast::accounts
