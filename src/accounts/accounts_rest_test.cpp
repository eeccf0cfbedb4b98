// What the accounts API keeps beside accounts: imports, keys, services, settings.
#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/account_settings.hpp"
#include "accounts/authenticator.hpp"
#include "accounts/imports.hpp"
#include "accounts/public_keys.hpp"
#include "accounts/sso_services.hpp"
#include "crypto/public_key.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::accounts {
namespace {

constexpr std::string_view kHash = "$2b$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo.";
constexpr std::string_view kPassword = "correct horse battery";
constexpr std::string_view kKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEE1vJMTeOszmVAxrFRDfY25eith50
LkHs48boGnznyxbohiMY41vcazvbIjIcH24M6chxUXixtfJmHgQdSXSC1Q==
-----END PUBLIC KEY-----
)";

class AccountsRestTest : public testing::Test {
 protected:
  AccountsRestTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-accounts-rest-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
    accounts_ = std::make_unique<Accounts>(*database_, clock_, random_);
    alice_ = accounts_->create_user({"alice", "a good password", true}, actor_).value();
  }
  ~AccountsRestTest() override { std::filesystem::remove_all(folder_); }

  Result<void> import(const std::vector<ImportedAccount>& accounts) {
    return Imports(*database_, clock_, random_).run(accounts, actor_);
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
  Account alice_;
  events::Actor actor_{0, "system", "", "", ""};
};

TEST_F(AccountsRestTest, AnImportedPasswordIsHashedAnewByTheFirstLogin) {
  ASSERT_TRUE(import({{.name = "bob", .password_hash = std::string(kHash)},
                      {.name = "acme", .kind = Kind::organization},
                      {.name = "carol"}}));
  EXPECT_EQ(accounts_->find("acme")->kind, Kind::organization);
  events::Counted counted(*database_, clock_);
  Authenticator authenticator(*accounts_, counted, clock_, random_);
  const std::int64_t version = accounts_->find("bob")->version;
  EXPECT_EQ(reason(authenticator.authenticate("bob", "wrong", actor_)), kCredentialsWrong);
  EXPECT_EQ(accounts_->credentials("bob").value()->password_hash, kHash);
  EXPECT_EQ(reason(authenticator.authenticate("carol", "", actor_)), kCredentialsWrong);
  EXPECT_EQ(reason(authenticator.authenticate("bob", kHash, actor_)), kCredentialsWrong);
  EXPECT_TRUE(authenticator.authenticate("bob", kPassword, actor_));
  EXPECT_TRUE(accounts_->credentials("bob").value()->password_hash.starts_with("$argon2id$"));
  EXPECT_EQ(accounts_->find("bob")->version, version);
  Authenticator fresh(*accounts_, counted, clock_, random_);
  EXPECT_TRUE(fresh.authenticate("bob", kPassword, actor_));
  // A password that was changed meanwhile stays.
  EXPECT_TRUE(accounts_->renew_hash(*accounts_->find("bob"), kHash, "another one", actor_));
  Authenticator fresher(*accounts_, counted, clock_, random_);
  EXPECT_TRUE(fresher.authenticate("bob", kPassword, actor_));
}

TEST_F(AccountsRestTest, AnImportIsAllOrNothing) {
  EXPECT_EQ(reason(import({{.name = "bob"}, {.name = "alice"}})), kAccountExists);
  EXPECT_EQ(reason(import({{.name = "bob"}, {.name = "x/y"}})), kAccountNameInvalid);
  EXPECT_EQ(reason(import({{.name = "bob"}, {.name = "carol", .password_hash = "$1$ab$cd"}})),
            kHashInvalid);
  EXPECT_EQ(
      reason(import({{.name = "bob"},
                     {.name = "acme", .kind = Kind::organization, .is_administrator = true}})),
      kNotAUser);
  EXPECT_EQ(reason(import(std::vector<ImportedAccount>(5001, {.name = "bob"}))), kImportTooLarge);
  EXPECT_EQ(reason(accounts_->find("bob")), kAccountUnknown);
}

TEST_F(AccountsRestTest, PublicKeysAreBoundToTheirAccount) {
  PublicKeys keys(*database_, clock_);
  const Account bob = accounts_->create_user({"bob", "a good password"}, actor_).value();
  const auto made = keys.add(alice_, kKey, "laptop", {}, actor_);
  ASSERT_TRUE(made);
  EXPECT_EQ(reason(keys.add(alice_, kKey, "", {}, actor_)), kPublicKeyExists);
  EXPECT_EQ(reason(keys.add(alice_, "x", "", {}, actor_)), crypto::kPublicKeyInvalid);
  EXPECT_EQ(reason(keys.update(bob, made->id, {.label = "x"}, actor_)), kPublicKeyUnknown);
  EXPECT_EQ(reason(keys.remove(bob, made->id, actor_)), kPublicKeyUnknown);
  EXPECT_EQ(keys.update(alice_, made->id, {.label = "desk"}, actor_)->label, "desk");
  EXPECT_EQ(reason(keys.update(alice_, made->id,
                               {.certificates = std::vector<KeyCertificate>{{"x", "y"}}}, actor_)),
            crypto::kCertificateInvalid);
  EXPECT_TRUE(keys.add(bob, kKey, "", {}, actor_));
  ASSERT_EQ(keys.list(alice_, "", 10)->size(), 1U);
  EXPECT_EQ(keys.list(alice_, "", 10)->front().label, "desk");
  EXPECT_TRUE(keys.list(alice_, made->id + "0", 10)->empty());
  EXPECT_TRUE(keys.remove(alice_, made->id, actor_));
  EXPECT_TRUE(keys.list(alice_, "", 10)->empty());
  EXPECT_TRUE(accounts_->remove("bob", actor_));
}

TEST_F(AccountsRestTest, ServicesAreKeptByOwner) {
  SsoServices services(*database_, clock_, random_);
  const SsoService wanted{.name = "dtr",
                          .url = "https://dtr.mydns.com",
                          .redirect_uris = {"https://a.mydns.com", "https://b.mydns.com"}};
  const auto made = services.create(alice_, wanted, actor_);
  ASSERT_TRUE(made);
  EXPECT_EQ(reason(services.create(alice_, wanted, actor_)), kSsoServiceExists);
  EXPECT_EQ(services.find(alice_, made->id)->redirect_uris, wanted.redirect_uris);
  EXPECT_EQ(reason(services.update(alice_, "dtr", {.url = "http://dtr.mydns.com"}, actor_)),
            kSsoServiceInvalid);
  EXPECT_TRUE(services.update(alice_, "dtr", {.jwks_uris = std::vector<std::string>()}, actor_)
                  ->jwks_uris.empty());
  EXPECT_EQ(services.list(alice_, "", 10)->size(), 1U);
  EXPECT_TRUE(services.remove(alice_, "dtr", actor_));
  EXPECT_EQ(reason(services.find(alice_, "dtr")), kSsoServiceUnknown);
}

TEST_F(AccountsRestTest, SettingsComeBackAsTheyWereSet) {
  AccountSettings settings(*database_, clock_);
  EXPECT_TRUE(settings.system_accounts()->empty());
  EXPECT_EQ(settings.issuer().value(), "");
  const std::vector<std::string> names = {"alice", "docker-datacenter"};
  EXPECT_TRUE(settings.set_system_accounts(names, actor_));
  EXPECT_EQ(settings.system_accounts().value(), names);
  EXPECT_EQ(reason(settings.set_system_accounts({"A b"}, actor_)), kAccountSettingInvalid);
  EXPECT_TRUE(settings.set_system_accounts({}, actor_));
  EXPECT_TRUE(settings.system_accounts()->empty());
  EXPECT_TRUE(settings.set_issuer("https://dtr.mydns.com", actor_));
  EXPECT_EQ(settings.issuer().value(), "https://dtr.mydns.com");
}

}  // namespace
}  // namespace holdfast::accounts
