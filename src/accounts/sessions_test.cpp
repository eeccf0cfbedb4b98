#include "accounts/sessions.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::accounts {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class SessionsTest : public testing::Test {
 protected:
  SessionsTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-sessions-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
    sessions_ = std::make_unique<Sessions>(*database_, clock_, random_);
    EXPECT_TRUE(accounts_->create_user({"root", "a good password", true}, actor_));
    alice_ = accounts_->create_user({"alice", "a good password"}, actor_).value();
  }
  ~SessionsTest() override { std::filesystem::remove_all(folder_); }

  std::string login() { return sessions_->start(alice_, actor_)->token; }
  bool good(const std::string& token) { return sessions_->verify(token).has_value(); }
  // As another process would have it: nothing in memory.
  bool good_elsewhere(const std::string& token) {
    return Sessions(*database_, clock_, random_).verify(token).has_value();
  }
  std::vector<std::string> told() {
    std::vector<std::string> texts;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      texts.clear();
      HF_TRY(const auto all, events::list(tx, 0, 1000));
      for (const events::Event& event : all) {
        if (!events::name(event.type).starts_with("session")) continue;
        texts.push_back(fmt::format("{} {} by {} {}", events::name(event.type), event.object,
                                    event.actor.name, event.detail));
      }
      return {};
    }));
    return texts;
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000'000'000)};
  SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<Sessions> sessions_;
  events::Actor actor_{0, "", "192.0.2.1", "browser", ""};
  Account alice_;
};

TEST_F(SessionsTest, ALoginGivesANewTokenThatIsHashedAtRest) {
  const StartedSession first = sessions_->start(alice_, actor_).value();
  const StartedSession second = sessions_->start(alice_, actor_).value();
  EXPECT_NE(first.token, second.token);
  EXPECT_NE(first.csrf_token, second.csrf_token);
  EXPECT_EQ(first.csrf_token, csrf_token_of(first.token));
  EXPECT_TRUE(is_session_token(first.token));
  EXPECT_EQ(sessions_->verify(first.token)->account_id, alice_.id);
  EXPECT_TRUE(sessions_->remembered(first.token));
  EXPECT_EQ(told(), (std::vector<std::string>{"session_started alice by alice ",
                                              "session_started alice by alice "}));
  EXPECT_TRUE(database_->read([&](db::Tx& tx) {
    return tx.query("SELECT hash FROM sessions", {}, [&](const db::Row& row) -> Result<void> {
      EXPECT_EQ(first.token.find(row.text(0)), std::string::npos);
      return {};
    });
  }));
}

TEST_F(SessionsTest, WhatIsNoTokenIsRefused) {
  const std::string token = login();
  for (const std::string& text :
       {std::string(), std::string("hfs_"), token.substr(0, token.size() - 1), token + "0",
        "HFS_" + token.substr(4), token.substr(4), "hfs_" + std::string(64, '0'),
        "hfs_" + std::string(64, 'G'), std::string("eyJhbGciOiJFUzI1NiJ9.e30.AA")}) {
    EXPECT_EQ(sessions_->verify(text).error().reason, kSessionInvalid) << text;
  }
}

TEST_F(SessionsTest, ASessionEndsWithItsLifetimeAndIsProlongedByALateUse) {
  const std::string idle = login();
  const std::string used = login();
  clock_.advance(minutes(39));
  EXPECT_TRUE(good(used));  // too early to prolong it
  clock_.advance(minutes(20));
  EXPECT_TRUE(good(used));  // until 59 + 60
  clock_.advance(minutes(1));
  EXPECT_FALSE(good(idle));
  clock_.advance(minutes(58) + seconds(59));
  ASSERT_TRUE(sessions_->flush(Sessions::Flush::all));
  EXPECT_TRUE(sessions_->remembered(used));
  EXPECT_FALSE(good_elsewhere(idle));
  ASSERT_TRUE(sessions_->flush(Sessions::Flush::all));
  EXPECT_TRUE(good_elsewhere(used));
  clock_.advance(minutes(60));
  EXPECT_FALSE(good(used));
}

TEST_F(SessionsTest, AnotherProcessMayHaveProlongedIt) {
  const std::string token = login();
  EXPECT_TRUE(good(token));
  clock_.advance(minutes(50));
  Sessions other(*database_, clock_, random_);
  EXPECT_TRUE(other.verify(token));
  ASSERT_TRUE(other.flush(Sessions::Flush::all));
  clock_.advance(minutes(30));
  EXPECT_FALSE(sessions_->remembered(token));  // expired, by what is known here
  EXPECT_TRUE(good(token));
}

TEST_F(SessionsTest, LastUsesAreWrittenOnceAMinute) {
  const std::string token = login();
  const auto last_used = [&] { return sessions_->list(alice_, "", 10).value().at(0).last_used_at; };
  const Timestamp start = clock_.now();
  clock_.advance(seconds(30));
  EXPECT_TRUE(good(token));
  ASSERT_TRUE(sessions_->flush(Sessions::Flush::due));
  EXPECT_EQ(last_used(), start);
  clock_.advance(seconds(30));
  ASSERT_TRUE(sessions_->flush(Sessions::Flush::due));
  EXPECT_EQ(last_used(), start + seconds(30));  // when it was used
  ASSERT_TRUE(sessions_->flush(Sessions::Flush::due));
  clock_.advance(seconds(10));
  EXPECT_TRUE(good(token));
  ASSERT_TRUE(sessions_->flush(Sessions::Flush::all));
  EXPECT_EQ(last_used(), clock_.now());
}

TEST_F(SessionsTest, TheLeastRecentlyUsedGoesBeyondTheLimit) {
  ASSERT_TRUE(sessions_->set_settings({minutes(60), minutes(20), 3}, actor_));
  const std::string first = login();
  clock_.advance(seconds(1));
  const std::string second = login();
  clock_.advance(seconds(1));
  const std::string third = login();
  clock_.advance(seconds(1));
  EXPECT_TRUE(good(first));  // known in memory alone
  clock_.advance(seconds(1));
  const std::string fourth = login();
  EXPECT_FALSE(good(second));
  EXPECT_TRUE(good(first) && good(third) && good(fourth));
  EXPECT_EQ(sessions_->list(alice_, "", 10)->size(), 3U);
  ASSERT_TRUE(sessions_->set_settings({minutes(60), minutes(20), 1}, actor_));
  const std::string fifth = login();
  EXPECT_FALSE(good(first) || good(third) || good(fourth));
  ASSERT_TRUE(sessions_->set_settings({minutes(60), minutes(20), 0}, actor_));
  for (int i = 0; i < 20; ++i) login();
  EXPECT_TRUE(good(fifth));
  EXPECT_EQ(sessions_->list(alice_, "", 100)->size(), 21U);
}

TEST_F(SessionsTest, OneEndsOrAll) {
  const std::string one = login();
  const std::string other = login();
  const std::string id = session_id_of(sessions_->verify(one)->hash);
  EXPECT_TRUE(good(other));
  const Account root = accounts_->find("root").value();
  EXPECT_EQ(sessions_->end(root, id, actor_).error().reason, kSessionUnknown);
  for (const std::string& wrong : {std::string(), id.substr(1), id.substr(0, 15), id + "0"}) {
    EXPECT_EQ(sessions_->end(alice_, wrong, actor_).error().reason, kSessionUnknown) << wrong;
  }
  ASSERT_TRUE(sessions_->end(alice_, id, actor_));
  EXPECT_FALSE(sessions_->remembered(one));
  EXPECT_FALSE(good(one));
  EXPECT_TRUE(good(other));
  EXPECT_EQ(sessions_->end(alice_, id, actor_).error().reason, kSessionUnknown);
  ASSERT_TRUE(sessions_->end_all(alice_, actor_));
  ASSERT_TRUE(sessions_->end_all(alice_, actor_));
  EXPECT_FALSE(good(other));
  const auto events = told();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[2], "session_ended alice by  " + id);
  EXPECT_EQ(events[3], "session_ended alice by  all");
}

TEST_F(SessionsTest, AreListedByIdAndPaged) {
  for (int i = 0; i < 5; ++i) login();
  const auto all = sessions_->list(alice_, "", 10).value();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Session::id));
  EXPECT_EQ(all[0].address, "192.0.2.1");
  EXPECT_EQ(all[0].client, "browser");
  const auto page = sessions_->list(alice_, all[2].id, 2).value();
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id, all[2].id);
  clock_.advance(minutes(61));
  EXPECT_TRUE(sessions_->list(alice_, "", 10)->empty());
}

TEST_F(SessionsTest, ANewPasswordEndsAllButTheOneItIsChangedIn) {
  const std::string mine = login();
  const std::string stolen = login();
  EXPECT_TRUE(good(stolen));
  AccountChange change;
  change.password = "another password";
  change.keep_session = sessions_->verify(mine)->hash;
  ASSERT_TRUE(accounts_->update("alice", change, actor_));
  EXPECT_TRUE(good(mine));
  EXPECT_FALSE(good(stolen));
  // What was authenticated before the change begins no session.
  EXPECT_EQ(sessions_->start(alice_, actor_).error().reason, kSessionInvalid);
  change.keep_session.clear();
  change.password = "a third password";
  ASSERT_TRUE(accounts_->update("alice", change, actor_));
  EXPECT_FALSE(good(mine));
}

TEST_F(SessionsTest, ADisabledOrDeletedAccountHasNone) {
  const std::string disabled = login();
  EXPECT_TRUE(good(disabled));
  AccountChange change;
  change.is_active = false;
  ASSERT_TRUE(accounts_->update("alice", change, actor_));
  EXPECT_FALSE(good(disabled));
  EXPECT_EQ(sessions_->start(accounts_->find("alice").value(), actor_).error().reason,
            kSessionInvalid);
  change.is_active = true;
  alice_ = accounts_->update("alice", change, actor_).value();
  EXPECT_FALSE(good(disabled));
  const std::string deleted = login();
  EXPECT_TRUE(good(deleted));
  ASSERT_TRUE(accounts_->remove("alice", actor_));
  EXPECT_FALSE(good(deleted));
}

TEST_F(SessionsTest, SettingsAreCheckedAndInForceWithTheNextLogin) {
  EXPECT_EQ(sessions_->settings()->lifetime, minutes(60));
  for (const SessionSettings& wrong :
       {SessionSettings{minutes(9), minutes(5), 10}, SessionSettings{minutes(600'000), minutes(5)},
        SessionSettings{minutes(60), minutes(61)}, SessionSettings{minutes(60), minutes(-1)},
        SessionSettings{minutes(60), minutes(20), -1},
        SessionSettings{minutes(60), minutes(20), 10'001}}) {
    EXPECT_EQ(sessions_->set_settings(wrong, actor_).error().reason, kSessionSettingsInvalid);
  }
  const std::string before = login();
  EXPECT_TRUE(good(before));
  ASSERT_TRUE(sessions_->set_settings({minutes(10), minutes(0), 5}, actor_));
  EXPECT_EQ(sessions_->settings()->lifetime, minutes(10));
  EXPECT_EQ(told().back(),
            "session_settings_updated sessions by  lifetime 10 min, renewal threshold 0 min, 5 per "
            "user");
  const std::string after = login();
  clock_.advance(minutes(9));
  EXPECT_TRUE(good(after));
  clock_.advance(minutes(1));
  EXPECT_FALSE(good(after));
  EXPECT_TRUE(good(before));
}

TEST_F(SessionsTest, WhatHasExpiredIsSwept) {
  login();
  clock_.advance(minutes(119));
  EXPECT_EQ(sessions_->sweep().value(), 0);
  clock_.advance(minutes(2));
  EXPECT_EQ(sessions_->sweep().value(), 1);
}

TEST_F(SessionsTest, PasswordsThatAreGuessedFirstAreRefused) {
  for (const char* password : {"password", "Password123", "12345678", "QWERTYUIOP", "changeme",
                               "welcome2024", "longenough", "LongEnough"}) {
    const auto made = accounts_->create_user({"longenough", password}, actor_);
    EXPECT_EQ(made.error().reason, kPasswordInvalid) << password;
  }
  AccountChange change;
  change.password = "letmein123";
  EXPECT_EQ(accounts_->update("alice", change, actor_).error().reason, kPasswordInvalid);
  for (const char* password : {"password password", "qwertyuio p", "12345678 123456789"}) {
    change.password = password;
    EXPECT_TRUE(accounts_->update("alice", change, actor_)) << password;
  }
}

TEST_F(SessionsTest, WhoeverMustChangeThePasswordIsKnownBySubject) {
  AccountChange change;
  change.password = "another password";
  change.must_change_password = true;
  ASSERT_TRUE(accounts_->update("alice", change, actor_));
  EXPECT_TRUE(accounts_->subject(alice_.id).value()->must_change_password);
  change.password = "a third password";
  change.must_change_password = false;
  ASSERT_TRUE(accounts_->update("alice", change, actor_));
  EXPECT_FALSE(accounts_->subject(alice_.id).value()->must_change_password);
}

}  // namespace
}  // namespace holdfast::accounts
