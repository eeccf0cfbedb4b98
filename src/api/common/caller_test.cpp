#include "api/common/caller.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "codec/text.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "keys/keys.hpp"

namespace holdfast::api {
namespace {

namespace asio = boost::asio;

class CallersTest : public testing::Test {
 protected:
  CallersTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-caller-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(
        db::joined({keys::migrations(), events::migrations(), accounts::migrations()})));
    store_ = std::make_unique<keys::KeyStore>(*database_, crypto::Sealer({}), clock_, random_);
    tokens_ = token::Tokens::open(*store_, {}, clock_, random_).value();
    accounts_ = std::make_unique<accounts::Accounts>(*database_, clock_, random_);
    counted_ = std::make_unique<events::Counted>(*database_, clock_);
    authenticator_ =
        std::make_unique<accounts::Authenticator>(*accounts_, *counted_, clock_, random_);
    access_tokens_ = std::make_unique<accounts::AccessTokens>(*database_, clock_, random_);
    logins_ = std::make_unique<accounts::Logins>(*accounts_, *authenticator_, *access_tokens_);
    sessions_ = std::make_unique<accounts::Sessions>(*database_, clock_, random_);
    callers_ =
        std::make_unique<Callers>(*accounts_, *logins_, *sessions_, *tokens_, limits_, url_, pool_,
                                  [this](std::string_view attempt) {
                                    return Result(attempt == "under-way" ? scanner_ : nullptr);
                                  });
    EXPECT_TRUE(accounts_->create_user({"root", "a good password", true}, {}));
    alice_ = accounts_->create_user({"alice", "a good password"}, {}).value();
  }
  ~CallersTest() override { std::filesystem::remove_all(folder_); }

  // The caller's name ("" for anonymous), or the error's reason with a '!'.
  std::string identify(const std::string& authorization) {
    if (authorization.empty()) return identify_by({}, "");
    return identify_by({authorization}, "");
  }
  // The same with several fields, and an access token that came by another way.
  std::string identify_by(const std::vector<std::string>& fields, const std::string& token) {
    http::Request request;
    for (const std::string& field : fields) request.fields.emplace_back("Authorization", field);
    return outcome_of(request, &Callers::identify, token);
  }
  // The same by what the REST APIs take.
  using Fields = std::vector<std::pair<std::string_view, std::string_view>>;
  std::string identify_rest(http::Method method, const Fields& fields, std::string_view query = "",
                            std::string_view token = "") {
    http::Request request;
    request.method = method;
    request.query = query;
    request.fields = fields;
    return outcome_of(request, &Callers::identify_with_sessions, token);
  }
  using Identify = asio::awaitable<Result<Caller>> (Callers::*)(http::Request&, std::string_view);
  std::string outcome_of(http::Request& request, Identify by, std::string_view token) {
    std::string outcome = "lost";
    asio::co_spawn(loop_, run(request, by, token, outcome),
                   [](const std::exception_ptr& thrown) { EXPECT_FALSE(thrown); });
    loop_.restart();
    loop_.run();
    return outcome;
  }
  asio::awaitable<void> run(http::Request& request, Identify by, std::string_view token,
                            std::string& outcome) {
    const auto caller = co_await ((*callers_).*by)(request, token);
    narrowed_ = caller && caller->is_narrowed();
    outcome = caller ? caller->subject->name : "!" + std::string(caller.error().reason);
    if (caller) EXPECT_EQ(request.user, caller->subject->name);
  }
  static std::shared_ptr<const accounts::Subject> named(std::string name) {
    accounts::Subject subject;
    subject.name = std::move(name);
    return std::make_shared<const accounts::Subject>(std::move(subject));
  }
  static std::string basic(const std::string& text) { return "Basic " + codec::base64(text); }

  std::filesystem::path folder_;
  SystemClock clock_;
  SystemRandom random_;
  asio::io_context loop_;  // outlives the pool, which may still be waking it up
  async::BlockingPool pool_{2};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<keys::KeyStore> store_;
  std::unique_ptr<token::Tokens> tokens_;
  std::unique_ptr<accounts::Accounts> accounts_;
  std::unique_ptr<events::Counted> counted_;
  std::unique_ptr<accounts::Authenticator> authenticator_;
  std::unique_ptr<accounts::AccessTokens> access_tokens_;
  std::unique_ptr<accounts::Logins> logins_;
  std::unique_ptr<accounts::Sessions> sessions_;
  PublicUrl url_{"https://here"};
  Limits limits_{{}, clock_};
  std::unique_ptr<Callers> callers_;
  accounts::Account alice_;
  // Who comes with a token of the attempt "under-way".
  std::shared_ptr<const accounts::Subject> scanner_ = named("system:scanner");
  bool narrowed_ = false;  // who was identified last
};

TEST_F(CallersTest, EveryCredential) {
  EXPECT_EQ(identify(""), "");
  EXPECT_EQ(identify(basic("alice:a good password")), "alice");
  EXPECT_EQ(identify(basic("alice:a good password")), "alice");
  EXPECT_EQ(identify("bAsIc " + codec::base64("alice:a good password")), "alice");
  EXPECT_EQ(identify(basic("alice:wrong")), "!credentials_wrong");
  EXPECT_EQ(identify("Basic ???"), "!credentials_wrong");
  EXPECT_EQ(identify("Digest x"), "!credential_malformed");
  EXPECT_EQ(
      identify("bearer " + tokens_->issue({alice_.id, "alice", alice_.version}, {}, "here").token),
      "alice");
  EXPECT_EQ(identify("Bearer " + tokens_->issue({}, {}, "here").token), "");
  EXPECT_EQ(identify("Bearer x"), "!token_invalid");
  EXPECT_EQ(identify("Bearer " +
                     tokens_->issue({alice_.id, "alice", alice_.version}, {}, "elsewhere").token),
            "!token_invalid");
}

TEST_F(CallersTest, OfSeveralCredentialsTheFirstThatIsGoodCounts) {
  const std::string token = access_tokens_->create("alice", {"ci"}, {})->secret;
  const std::string root = basic("root:a good password");
  const std::string empty = basic(":");
  EXPECT_EQ(identify_by({}, token), "alice");
  EXPECT_EQ(identify_by({root}, token), "alice");
  EXPECT_EQ(identify_by({root}, "x"), "root");
  EXPECT_EQ(identify_by({}, "x"), "!credentials_wrong");
  EXPECT_EQ(identify_by({empty, "Bearer x", root}, ""), "root");
  EXPECT_EQ(identify_by({"", root}, ""), "root");
  EXPECT_EQ(identify_by({empty, "Bearer x"}, ""), "!credentials_wrong");
  EXPECT_EQ(identify_by({"Bearer x", "Digest x"}, ""), "!token_invalid");
  EXPECT_EQ(identify_by({empty, empty, empty, empty, root}, ""), "!credentials_wrong");
}

TEST_F(CallersTest, AnAccessTokenNarrowsWhateverIsGotWithIt) {
  const auto whole = access_tokens_->create("alice", {"ci"}, {}).value();
  const auto narrow =
      access_tokens_->create("alice", {.label = "ci", .scope = {{"alice/app", true}}}, {}).value();
  const auto jwt = [&](const accounts::AccessTokens::Created& of) {
    return "Bearer " +
           tokens_
               ->issue({.account_id = alice_.id, .name = "alice", .access_token = of.token.id}, {},
                       "here")
               .token;
  };
  EXPECT_EQ(identify(basic("alice:" + whole.secret)), "alice");
  EXPECT_FALSE(narrowed_);
  for (int i = 0; i < 2; ++i) {  // from the database, from memory
    EXPECT_EQ(identify(jwt(narrow)), "alice");
    EXPECT_TRUE(narrowed_);
    EXPECT_EQ(identify(basic("alice:" + narrow.secret)), "alice");
    EXPECT_TRUE(narrowed_);
    EXPECT_EQ(identify_by({}, narrow.secret), "alice");
    EXPECT_TRUE(narrowed_);
  }
  const std::string before = jwt(whole);
  EXPECT_EQ(identify(before), "alice");
  ASSERT_TRUE(access_tokens_->remove(whole.token.id, {}));
  EXPECT_EQ(identify(before), "!credentials_wrong");
  EXPECT_EQ(identify(basic("root:" + narrow.secret)), "!credentials_wrong");
}

TEST_F(CallersTest, AScannersTokenIsGoodWhileItsAttemptGoesOn) {
  const auto token = [&](std::string_view attempt) {
    return "Bearer " + tokens_->issue({.name = "alice", .scan = attempt}, {}, "here").token;
  };
  const std::string under_way = token("under-way");
  EXPECT_EQ(identify(under_way), "system:scanner");
  EXPECT_EQ(identify(under_way), "system:scanner");
  EXPECT_EQ(identify(token("over")), "!credentials_wrong");
  scanner_ = nullptr;
  EXPECT_EQ(identify(under_way), "!credentials_wrong");  // at once, whatever was remembered
  EXPECT_EQ(identify(basic("system:scanner:x")), "!credentials_wrong");
}

TEST_F(CallersTest, ADisabledAccountEndsItsTokensWithTheNextRequest) {
  const std::string bearer =
      "Bearer " + tokens_->issue({alice_.id, "alice", alice_.version}, {}, "here").token;
  EXPECT_EQ(identify(bearer), "alice");
  accounts::AccountChange change;
  change.is_active = false;
  ASSERT_TRUE(accounts_->update("alice", change, {}));
  EXPECT_EQ(identify(bearer), "!credentials_wrong");
  EXPECT_EQ(identify(basic("alice:a good password")), "!credentials_wrong");
}

TEST_F(CallersTest, ANewPasswordEndsWhatTheOldOneBrought) {
  const accounts::AccessTokens::Created made = access_tokens_->create("alice", {"ci"}, {}).value();
  const std::string by_password =
      "Bearer " + tokens_->issue({alice_.id, "alice", alice_.version}, {}, "here").token;
  const std::string by_token =
      "Bearer " +
      tokens_
          ->issue({.account_id = alice_.id, .name = "alice", .access_token = made.token.id}, {},
                  "here")
          .token;
  ASSERT_TRUE(accounts_->update("alice", {.is_active = true}, {}));
  EXPECT_EQ(identify(by_password), "alice");
  ASSERT_TRUE(accounts_->update("alice", {.password = "another good password"}, {}));
  EXPECT_EQ(identify(by_password), "!credentials_wrong");
  EXPECT_EQ(identify(by_token), "alice");
}

TEST_F(CallersTest, ASessionIsABearerOrACookieWithProof) {
  using http::Method;
  const accounts::StartedSession session = sessions_->start(alice_, {}).value();
  const std::string bearer = "Bearer " + session.token;
  const std::string jar = "theme=dark; session=" + session.token + "; csrftoken=x";
  EXPECT_EQ(identify_rest(Method::post, {{"Authorization", bearer}}), "alice");
  EXPECT_EQ(identify_rest(Method::get, {{"Cookie", jar}}), "alice");
  EXPECT_EQ(identify_rest(Method::head, {{"Cookie", jar}}), "alice");
  for (const Method method :
       {Method::post, Method::put, Method::patch, Method::del, Method::options, Method::other}) {
    EXPECT_EQ(identify_rest(method, {{"Cookie", jar}}), "!csrf_wrong");
    EXPECT_EQ(identify_rest(method, {{"Cookie", jar}, {"X-Csrf-Token", ""}}), "!csrf_wrong");
    EXPECT_EQ(identify_rest(method, {{"Cookie", jar}, {"X-Csrf-Token", session.token}}),
              "!csrf_wrong");
    EXPECT_EQ(identify_rest(method, {{"Cookie", jar}, {"X-Csrf-Token", session.csrf_token}}),
              "alice");
  }
  // Another session's proof is none.
  const accounts::StartedSession other = sessions_->start(alice_, {}).value();
  EXPECT_EQ(identify_rest(Method::put, {{"Cookie", jar}, {"X-Csrf-Token", other.csrf_token}}),
            "!csrf_wrong");
  EXPECT_EQ(identify_rest(Method::get, {{"Cookie", "session=" + session.csrf_token}}),
            "!session_invalid");
  // /v2 knows neither.
  EXPECT_EQ(identify(bearer), "!token_invalid");
}

TEST_F(CallersTest, WhateverElseIsGivenCountsBeforeTheCookie) {
  using http::Method;
  const std::string jar = "session=" + sessions_->start(alice_, {})->token;
  const std::string root = basic("root:a good password");
  const std::string bearer = "bearer " + sessions_->start(alice_, {})->token;
  EXPECT_EQ(identify_rest(Method::post, {{"Cookie", jar}, {"Authorization", root}}), "root");
  EXPECT_EQ(identify_rest(Method::post, {{"Cookie", jar}, {"Authorization", bearer}}), "alice");
  EXPECT_EQ(identify_rest(Method::get, {{"Cookie", jar}, {"Authorization", basic("root:wrong")}}),
            "!credentials_wrong");
  // Of several Authorization fields the session is taken.
  EXPECT_EQ(identify_rest(Method::post, {{"Authorization", basic(":")}, {"Authorization", bearer}}),
            "alice");
  EXPECT_NE(identify_rest(Method::get, {{"Cookie", jar}}, "pageSize=5&refresh_token=x"), "alice");
  EXPECT_EQ(identify_rest(Method::get, {{"Cookie", jar}}, "no_refresh_token=x"), "alice");
  // Empty, as after a logout, is none.
  EXPECT_EQ(identify_rest(Method::post, {{"Cookie", "session="}}), "");
  EXPECT_EQ(identify_rest(Method::post, {{"Cookie", "sessions=x; xsession=y; session"}}), "");
}

TEST_F(CallersTest, AnEndedSessionIsRefusedWithTheNextRequest) {
  const std::string bearer = "Bearer " + sessions_->start(alice_, {})->token;
  EXPECT_EQ(identify_rest(http::Method::get, {{"Authorization", bearer}}), "alice");
  ASSERT_TRUE(sessions_->end_all(alice_, {}));
  EXPECT_EQ(identify_rest(http::Method::get, {{"Authorization", bearer}}), "!session_invalid");
}

TEST_F(CallersTest, ASessionIsOneOfSeveralCredentials) {
  using http::Method;
  const std::string token = access_tokens_->create("alice", {"ci"}, {})->secret;
  const accounts::StartedSession session =
      sessions_->start(accounts_->find("root").value(), {}).value();
  const std::string bearer = "Bearer " + session.token;
  const std::string alice = basic("alice:a good password");
  const auto identify_get = [&](const Fields& fields, std::string_view by = "") {
    return identify_rest(Method::get, fields, "", by);
  };
  EXPECT_EQ(identify_get({{"Authorization", basic(":")}, {"Authorization", bearer}}), "root");
  EXPECT_EQ(identify_get({{"Authorization", bearer}}, token), "alice");
  EXPECT_EQ(identify_get({{"Authorization", bearer}}, "x"), "root");
  ASSERT_TRUE(sessions_->end_all(accounts_->find("root").value(), {}));
  EXPECT_EQ(identify_get({{"Authorization", bearer}, {"Authorization", alice}}), "alice");
  EXPECT_EQ(identify_get({{"Authorization", bearer}}), "!session_invalid");
}

}  // namespace
}  // namespace holdfast::api
