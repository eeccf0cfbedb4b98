#include "accounts/access_tokens.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/logins.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::accounts {
namespace {

class AccessTokensTest : public testing::Test {
 protected:
  AccessTokensTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-tokens-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
    counted_ = std::make_unique<events::Counted>(*database_, clock_);
    authenticator_ = std::make_unique<Authenticator>(*accounts_, *counted_, clock_, random_);
    tokens_ = std::make_unique<AccessTokens>(*database_, clock_, random_);
    logins_ = std::make_unique<Logins>(*accounts_, *authenticator_, *tokens_);
    EXPECT_TRUE(accounts_->create_user({"root", kPassword, true}, {}));
    EXPECT_TRUE(accounts_->create_user({"alice", kPassword}, {}));
    EXPECT_TRUE(accounts_->create_user({"bob", kPassword}, {}));
  }
  ~AccessTokensTest() override { std::filesystem::remove_all(folder_); }

  AccessTokens::Created make(std::string_view user, NewAccessToken wanted = {"ci"}) {
    return tokens_->create(user, wanted, actor_).value();
  }
  std::int64_t id_of(std::string_view user) { return accounts_->find(user)->id; }
  std::string login(std::string_view name, std::string_view secret,
                    const std::string& address = "192.0.2.1") {
    const auto outcome = logins_->log_in(name, secret, {0, "", address, "test", ""});
    return outcome ? (outcome->token ? "token" : "password") : std::string(outcome.error().reason);
  }
  std::vector<std::string> events() {
    std::vector<std::string> texts;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      texts.clear();
      HF_TRY(const auto all, events::list(tx, 0, 1000));
      for (const events::Event& event : all) {
        if (!events::name(event.type).starts_with("token_")) continue;
        texts.push_back(
            fmt::format("{} {} {}", events::name(event.type), event.object, event.detail));
      }
      return {};
    }));
    return texts;
  }

  static constexpr const char* kPassword = "a good password";
  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'800'000'000'000'000)};
  SystemRandom random_;
  const events::Actor actor_{1, "root", "192.0.2.1", "curl/8", ""};
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<events::Counted> counted_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<AccessTokens> tokens_;
  std::unique_ptr<Logins> logins_;
};

TEST_F(AccessTokensTest, AreMadeChangedAndRemovedWithAnEventEach) {
  const auto made = make("alice", {"ci", TokenOrigin::automatic});
  EXPECT_TRUE(is_uuid(made.secret));
  EXPECT_EQ(made.token.id.size(), 64U);
  EXPECT_EQ(made.token.client, "curl/8");
  const AccessToken found = tokens_->find(made.token.id).value();
  EXPECT_EQ(found.label, "ci");
  EXPECT_TRUE(found.is_active);
  EXPECT_EQ(found.last_used, std::nullopt);
  EXPECT_EQ(found.expires_at, std::nullopt);
  EXPECT_EQ(found.origin, TokenOrigin::automatic);
  EXPECT_EQ(tokens_->update(found.id, {.label = "cd"}, actor_)->label, "cd");
  EXPECT_FALSE(tokens_->update(found.id, {.is_active = false}, actor_)->is_active);
  EXPECT_EQ(tokens_->find(found.id)->label, "cd");
  ASSERT_TRUE(tokens_->remove(found.id, actor_));
  EXPECT_EQ(tokens_->remove(found.id, actor_).error().reason, kAccessTokenUnknown);
  EXPECT_EQ(tokens_->find(found.id).error().reason, kAccessTokenUnknown);
  EXPECT_EQ(events(),
            (std::vector<std::string>{"token_created alice ci", "token_updated alice cd",
                                      "token_updated alice cd", "token_deleted alice cd"}));
}

TEST_F(AccessTokensTest, WhatIsWrongIsRefused) {
  const auto reason = [&](NewAccessToken wanted, std::string_view user = "alice") {
    const auto made = tokens_->create(user, wanted, actor_);
    return made ? std::string("ok") : std::string(made.error().reason);
  };
  EXPECT_EQ(reason({std::string(257, 'x')}), kTextInvalid);
  EXPECT_EQ(reason({"bell \x07"}), kTextInvalid);
  EXPECT_EQ(reason({"x"}, "nobody"), kAccountUnknown);
  EXPECT_EQ(reason({.label = "x", .expires_at = clock_.now()}), kTokenExpiryInvalid);
  for (const char* repository : {"", "alice", "*", "*/*", "alice/**", "Alice/app", "alice/a b",
                                 "alice/app:pull", "/*", "alice//app"}) {
    EXPECT_EQ(reason({.label = "x", .scope = {{repository, true}}}), kTokenScopeInvalid)
        << repository;
  }
  EXPECT_EQ(reason({.label = "x", .scope = {{"alice/app"}}}), kTokenScopeInvalid);
  const std::vector<TokenScope> many(65, TokenScope{"alice/app", true});
  EXPECT_EQ(reason({.label = "x", .scope = many}), kTokenScopeInvalid);
  EXPECT_TRUE(events().empty());
}

TEST_F(AccessTokensTest, AScopeSaysWhatIsAllowedWhere) {
  const std::vector<TokenScope> scope = {
      {"alice/app", true, true}, {"bob/*", true}, {"bob/x", false, false, true}};
  const auto made = make("alice", {.label = "x", .scope = scope});
  const AccessToken token = tokens_->find(made.token.id).value();
  EXPECT_EQ(token.scope, scope);
  EXPECT_EQ(token.on("alice/app"), (TokenScope{"", true, true, false}));
  EXPECT_EQ(token.on("alice/app2"), TokenScope{});
  EXPECT_EQ(token.on("alice/app/deeper"), TokenScope{});
  EXPECT_EQ(token.on("bob/y/z"), (TokenScope{"", true}));
  EXPECT_EQ(token.on("bobby/y"), TokenScope{});
  EXPECT_EQ(token.on("bob/x"), (TokenScope{"", true, false, true}));
  EXPECT_EQ(make("alice").token.on("any/thing"), (TokenScope{"", true, true, true}));
}

TEST_F(AccessTokensTest, ListsArePagedByTheirKey) {
  for (int i = 0; i < 5; ++i) make("alice");
  make("bob");
  const auto all = tokens_->list(id_of("alice"), "", 100).value();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(tokens_->count(id_of("alice")).value(), 5);
  const auto two = tokens_->list(id_of("alice"), all[2].id, 2).value();
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].id, all[2].id);
  EXPECT_EQ(two[1].id, all[3].id);
}

TEST_F(AccessTokensTest, ATokenIsTakenInThePasswordsPlaceOfItsOwner) {
  const auto made = make("alice");
  EXPECT_EQ(logins_->remembered("alice", made.secret), std::nullopt);
  EXPECT_EQ(login("alice", made.secret), "token");
  const auto known = logins_->remembered("alice", made.secret);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->account_id, id_of("alice"));
  EXPECT_EQ(known->token->id, made.token.id);
  EXPECT_EQ(logins_->remembered("bob", made.secret), std::nullopt);
  EXPECT_EQ(login("bob", made.secret), kCredentialsWrong);
  EXPECT_EQ(login("alice", kPassword), "password");
  EXPECT_EQ(login("alice", made.token.id), kCredentialsWrong);
  // It is no password where a password alone is asked for.
  EXPECT_FALSE(authenticator_->authenticate("alice", made.secret, {}));
}

TEST_F(AccessTokensTest, APasswordMayHaveTheFormOfAToken) {
  const std::string password = uuid(random_);
  ASSERT_TRUE(accounts_->update("bob", {.password = password}, {}));
  EXPECT_EQ(login("bob", password), "password");
  ASSERT_TRUE(accounts_->subject(id_of("bob")));
  EXPECT_TRUE(logins_->remembered("bob", password));
}

TEST_F(AccessTokensTest, WhatEndsATokenEndsItAtOnce) {
  const auto made = make("alice");
  const auto is_good = [&] {
    const auto verified = tokens_->verify(made.secret).value();
    EXPECT_EQ(verified != nullptr, tokens_->remembered(made.secret) != nullptr);
    return verified != nullptr;
  };
  EXPECT_TRUE(is_good());
  ASSERT_TRUE(tokens_->update(made.token.id, {.is_active = false}, actor_));
  EXPECT_FALSE(is_good());
  ASSERT_TRUE(tokens_->update(made.token.id, {.is_active = true}, actor_));
  EXPECT_TRUE(is_good());
  ASSERT_TRUE(tokens_->remove(made.token.id, actor_));
  EXPECT_FALSE(is_good());

  const auto brief =
      make("alice", {.label = "x", .expires_at = clock_.now() + std::chrono::hours(1)});
  EXPECT_EQ(login("alice", brief.secret), "token");
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(logins_->remembered("alice", brief.secret), std::nullopt);
  EXPECT_EQ(login("alice", brief.secret), kCredentialsWrong);
}

TEST_F(AccessTokensTest, TokensGoWithTheirAccount) {
  const auto made = make("alice");
  EXPECT_EQ(login("alice", made.secret), "token");
  ASSERT_TRUE(accounts_->remove("alice", {}));
  EXPECT_EQ(login("alice", made.secret), kCredentialsWrong);
  ASSERT_TRUE(accounts_->create_user({"alice", kPassword}, {}));
  EXPECT_EQ(login("alice", made.secret), kCredentialsWrong);
  EXPECT_EQ(tokens_->find(made.token.id).error().reason, kAccessTokenUnknown);
}

TEST_F(AccessTokensTest, ADisabledAccountsTokensAreOfNoUse) {
  const auto made = make("alice");
  EXPECT_EQ(login("alice", made.secret), "token");
  ASSERT_TRUE(accounts_->update("alice", {.is_active = false}, {}));
  EXPECT_EQ(login("alice", made.secret), kCredentialsWrong);
}

TEST_F(AccessTokensTest, WrongOnesCountAsWrongPasswordsAndRightOnesNeverWait) {
  const auto made = make("alice");
  for (int i = 0; i < 6; ++i) EXPECT_EQ(login("alice", uuid(random_)), kCredentialsWrong);
  EXPECT_EQ(login("alice", uuid(random_)), kTooManyFailures);
  EXPECT_EQ(login("alice", made.secret), "token");
  // A token forgives nothing: who has one would guess at the password with it.
  EXPECT_EQ(login("alice", kPassword), kTooManyFailures);
}

TEST_F(AccessTokensTest, WithoutANameFailuresCountForTheAddress) {
  const auto made = make("alice");
  const events::Actor there{0, "", "192.0.2.9", "", ""};
  EXPECT_EQ(logins_->log_in_by_token(made.secret, there)->account_id, id_of("alice"));
  for (int i = 0; i < 21; ++i) {
    EXPECT_EQ(logins_->log_in_by_token(i % 2 == 0 ? "x" : uuid(random_), there).error().reason,
              kCredentialsWrong);
  }
  EXPECT_EQ(logins_->log_in_by_token("x", there).error().reason, kTooManyFailures);
  EXPECT_EQ(login("alice", kPassword, "192.0.2.9"), kTooManyFailures);
  EXPECT_EQ(login("alice", kPassword), "password");
  EXPECT_TRUE(logins_->log_in_by_token(made.secret, there));
}

TEST_F(AccessTokensTest, WhatATokenBroughtIsGoodAsLongAsTheToken) {
  const auto made = make("alice");
  const std::int64_t alice = id_of("alice");
  EXPECT_EQ(logins_->remembered_id(made.token.id, alice), std::nullopt);
  EXPECT_TRUE(logins_->log_in_by_id(made.token.id, alice));
  EXPECT_TRUE(logins_->remembered_id(made.token.id, alice));
  EXPECT_EQ(logins_->remembered_id(made.token.id, alice + 1), std::nullopt);
  EXPECT_FALSE(logins_->log_in_by_id(made.token.id, alice + 1));
  EXPECT_FALSE(logins_->log_in_by_id("", alice));
  ASSERT_TRUE(tokens_->remove(made.token.id, actor_));
  EXPECT_EQ(logins_->remembered_id(made.token.id, alice), std::nullopt);
  EXPECT_EQ(logins_->log_in_by_id(made.token.id, alice).error().reason, kCredentialsWrong);
}

TEST_F(AccessTokensTest, UsesAreWrittenOnceAMinute) {
  const auto made = make("alice");
  const auto last_used = [&] { return tokens_->find(made.token.id)->last_used; };
  const Timestamp first = clock_.now();
  EXPECT_TRUE(tokens_->verify(made.secret).value());
  EXPECT_EQ(last_used(), std::nullopt);
  ASSERT_TRUE(tokens_->flush());
  EXPECT_EQ(last_used(), first);
  clock_.advance(std::chrono::seconds(59));
  EXPECT_TRUE(tokens_->remembered(made.secret));
  ASSERT_TRUE(tokens_->flush());
  EXPECT_EQ(last_used(), first);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_TRUE(tokens_->remembered(made.secret));
  ASSERT_TRUE(tokens_->flush());
  EXPECT_EQ(last_used(), first + std::chrono::seconds(60));
}

TEST_F(AccessTokensTest, UnusedOnesAreRemovedTogether) {
  const std::int64_t alice = id_of("alice");
  const auto by_hand = make("alice");
  const auto used = make("alice", {"used", TokenOrigin::automatic});
  make("alice", {"never used", TokenOrigin::automatic});
  make("bob", {"of another", TokenOrigin::automatic});
  clock_.advance(std::chrono::hours(1));
  const Timestamp since = clock_.now();
  EXPECT_TRUE(tokens_->verify(used.secret).value());
  ASSERT_TRUE(tokens_->flush());
  const auto fresh = make("alice", {"fresh", TokenOrigin::automatic});
  EXPECT_EQ(tokens_->remove_all(alice, TokenOrigin::automatic, since, actor_).value(), 1);
  EXPECT_EQ(events().back(), "token_deleted alice never used");
  EXPECT_TRUE(tokens_->find(fresh.token.id));
  for (int i = 0; i < 501; ++i) make("alice", {"many", TokenOrigin::automatic});
  EXPECT_EQ(tokens_->remove_all(alice, TokenOrigin::automatic, {}, actor_).value(), 503);
  EXPECT_EQ(tokens_->count(alice).value(), 1);
  EXPECT_TRUE(tokens_->find(by_hand.token.id));
  EXPECT_EQ(tokens_->count(id_of("bob")).value(), 1);
}

}  // namespace
}  // namespace holdfast::accounts
