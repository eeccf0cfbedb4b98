#include "token/refresh.hpp"

#include <array>
#include <utility>

#include "crypto/secret.hpp"

namespace holdfast::token {

namespace {

constexpr db::Migration kMigrations[] = {
    {"token/0001-refresh-tokens", R"(CREATE TABLE refresh_tokens (
        id {id},
        hash {bytes} NOT NULL UNIQUE,
        account_id {int} NOT NULL REFERENCES accounts (id),
        account_version {int} NOT NULL,
        service {text} NOT NULL,
        client_id {text} NOT NULL,
        created_at {int} NOT NULL);
      CREATE INDEX refresh_tokens_account ON refresh_tokens (account_id, id))"},
    // They go with their account. Nothing can be added to a reference, so the table is made anew.
    {"token/0002-refresh-tokens-go-with-their-account", R"(CREATE TABLE refresh_tokens_new (
        id {id},
        hash {bytes} NOT NULL UNIQUE,
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        account_version {int} NOT NULL,
        service {text} NOT NULL,
        client_id {text} NOT NULL,
        created_at {int} NOT NULL);
      INSERT INTO refresh_tokens_new (hash, account_id, account_version, service, client_id, created_at)
        SELECT hash, account_id, account_version, service, client_id, created_at FROM refresh_tokens ORDER BY id;
      DROP TABLE refresh_tokens;
      ALTER TABLE refresh_tokens_new RENAME TO refresh_tokens;
      CREATE INDEX refresh_tokens_account ON refresh_tokens (account_id, id))"},
};

constexpr std::int64_t kPerAccount = 64;

Error invalid() {
  return fail(ErrorCode::unauthenticated, kRefreshTokenInvalid,
              "the refresh token is not valid any more: log in again");
}

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

RefreshTokens::RefreshTokens(db::Database& database, accounts::Accounts& accounts,
                             const Clock& clock, Random& random)
    : database_(database), accounts_(accounts), clock_(clock), random_(random) {}

Result<std::string> RefreshTokens::issue(const accounts::Account& account, std::string_view service,
                                         std::string_view client_id) {
  std::string token = random_hex(random_, 32);
  const auto hash = crypto::sha256(token);
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO refresh_tokens (hash, account_id, account_version, service, "
                   "client_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                   {std::span<const std::byte>(hash), account.id, account.version, service,
                    client_id.substr(0, 64), to_micros(clock_.now())}));
    HF_CHECK(tx.execute(
        "DELETE FROM refresh_tokens WHERE account_id = $1 AND id NOT IN "
        "(SELECT id FROM refresh_tokens WHERE account_id = $1 ORDER BY id DESC LIMIT $2)",
        {account.id, kPerAccount}));
    return {};
  }));
  return token;
}

Result<accounts::Account> RefreshTokens::verify(std::string_view refresh_token,
                                                std::string_view service) {
  const auto hash = crypto::sha256(refresh_token);
  std::optional<std::pair<std::int64_t, std::int64_t>> found;  // account, version
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, (tx.find<std::pair<std::int64_t, std::int64_t>>(
                      "SELECT account_id, account_version FROM refresh_tokens "
                      "WHERE hash = $1 AND service = $2",
                      {std::span<const std::byte>(hash), service}, [](const db::Row& row) {
                        return std::pair(row.integer(0), row.integer(1));
                      })));
    return {};
  }));
  if (!found) return invalid();
  HF_TRY(accounts::Account account, accounts_.find(found->first));
  if (!account.is_active || account.version != found->second) return invalid();
  return account;
}

}  // namespace holdfast::token
