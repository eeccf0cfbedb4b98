#include "token/tokens.hpp"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "codec/text.hpp"
#include "crypto/secret.hpp"
#include "crypto/signing.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::token {
namespace {

class TokensTest : public testing::Test {
 protected:
  TokensTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-token-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({keys::migrations(), events::migrations()})));
    store_ = std::make_unique<keys::KeyStore>(*database_, crypto::Sealer({}), clock_, random_);
    tokens_ = open();
  }
  ~TokensTest() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<Tokens> open() {
    return Tokens::open(*store_, {"holdfast", std::chrono::seconds(300)}, clock_, random_).value();
  }
  std::string reason(const std::string& token) {
    const auto claims = tokens_->verify(token, "here");
    return claims ? "ok" : std::string(claims.error().reason);
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'800'000'000'000'000)};
  SystemRandom random_;
  std::unique_ptr<keys::KeyStore> store_;
  std::unique_ptr<Tokens> tokens_;
};

TEST_F(TokensTest, SaysWhatWasIssuedUntilItExpires) {
  const Issued issued = tokens_->issue(
      {7, "alice", 3}, parse_scopes("repository:a/b:pull,push registry:catalog:*"), "here");
  for (int again = 0; again < 2; ++again) {
    const auto claims = tokens_->verify(issued.token, "here");
    ASSERT_TRUE(claims) << describe(claims.error());
    EXPECT_EQ(claims.value()->account_id, 7);
    EXPECT_EQ(claims.value()->subject, "alice");
    EXPECT_EQ(claims.value()->version, 3);
    EXPECT_TRUE(claims.value()->for_scope);
    ASSERT_EQ(claims.value()->access.size(), 2U);
    EXPECT_TRUE(claims.value()->access[0].actions.push);
    EXPECT_FALSE(claims.value()->access[0].actions.remove);
  }
  clock_.advance(std::chrono::seconds(359));
  EXPECT_EQ(reason(issued.token), "ok");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(reason(issued.token), kTokenExpired);
  EXPECT_EQ(reason(issued.token), kTokenExpired);
}

TEST_F(TokensTest, ForgedTokensAreRefused) {
  const std::string good = tokens_->issue({7, "alice", 3}, {}, "here").token;
  const std::string payload = good.substr(good.find('.') + 1, good.rfind('.') - good.find('.') - 1);
  const std::string kid = crypto::SigningKey::from_pem(store_->find("token/keys")->value())->id();
  const std::string none =
      codec::base64url(R"({"alg":"none","kid":")" + kid + "\"}") + "." + payload;
  EXPECT_EQ(reason(none + "."), kTokenInvalid);
  const std::string hmac =
      codec::base64url(R"({"alg":"HS256","kid":")" + kid + "\"}") + "." + payload;
  const std::string jwks = tokens_->jwks();
  const auto code = crypto::hmac_sha256(std::as_bytes(std::span(jwks)), hmac);
  EXPECT_EQ(reason(hmac + "." +
                   codec::base64url({reinterpret_cast<const char*>(code.data()), code.size()})),
            kTokenInvalid);
  const crypto::SigningKey foreign = crypto::SigningKey::generate();
  const std::string head =
      codec::base64url(R"({"alg":"ES256","kid":")" + kid + "\"}") + "." + payload;
  EXPECT_EQ(reason(head + "." + codec::base64url(foreign.sign(head))), kTokenInvalid);
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), good + "=", good + "a", "a" + good,
        good.substr(0, good.size() - 2), good + "." + good, std::string(20'000, 'a')}) {
    EXPECT_EQ(reason(bad), kTokenInvalid) << bad.substr(0, 40);
  }
  EXPECT_EQ(reason(tokens_->issue({7, "alice", 3}, {}, "elsewhere").token), kTokenInvalid);
  EXPECT_EQ(reason(good), "ok");
}

TEST_F(TokensTest, ATokenFromTheFutureIsRefused) {
  clock_.advance(std::chrono::minutes(5));
  const std::string token = tokens_->issue({7, "alice", 3}, {}, "here").token;
  clock_.advance(-std::chrono::minutes(5));
  EXPECT_EQ(reason(token), kTokenInvalid);
}

TEST_F(TokensTest, KeysThatAnotherReplicaRotatesAreReadAgain) {
  const auto other = open();
  const std::string stolen = other->issue({7, "alice", 3}, {}, "here").token;
  ASSERT_TRUE(other->verify(stolen, "here"));
  ASSERT_TRUE(tokens_->rotate({}));
  EXPECT_TRUE(tokens_->is_current());
  EXPECT_FALSE(other->is_current());
  ASSERT_TRUE(other->refresh());
  EXPECT_TRUE(other->is_current());
  EXPECT_TRUE(other->verify(tokens_->issue({7, "alice", 3}, {}, "here").token, "here"));
  EXPECT_TRUE(other->verify(stolen, "here"));
  EXPECT_EQ(reason(other->issue({7, "alice", 3}, {}, "here").token), "ok");
  ASSERT_TRUE(tokens_->rotate({}));
  ASSERT_TRUE(other->refresh());
  EXPECT_EQ(other->verify(stolen, "here").error().reason, kTokenInvalid);
  EXPECT_EQ(other->jwks(), tokens_->jwks());
}

TEST_F(TokensTest, KeysRotateAndSurviveARestart) {
  const std::string old = tokens_->issue({1, "a", 1}, {}, "here").token;
  ASSERT_TRUE(tokens_->rotate({}));
  EXPECT_EQ(reason(old), "ok");
  const std::string fresh = tokens_->issue({1, "a", 1}, {}, "here").token;
  tokens_ = open();
  EXPECT_EQ(reason(old), "ok");
  EXPECT_EQ(reason(fresh), "ok");
  ASSERT_TRUE(tokens_->rotate({}));
  tokens_ = open();
  EXPECT_EQ(reason(old), kTokenInvalid);
  EXPECT_EQ(reason(fresh), "ok");
}

}  // namespace
}  // namespace holdfast::token
