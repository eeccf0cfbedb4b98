#include "accounts/imports.hpp"

#include <fmt/format.h>

#include "accounts/rows.hpp"
#include "crypto/foreign_hash.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kAtOnce = 5000;
constexpr std::size_t kFullNameMaxBytes = 256;

Result<void> check(const ImportedAccount& account) {
  HF_CHECK(check_name(account.name, "an account"));
  HF_CHECK(check_text(account.full_name, "a full name", kFullNameMaxBytes));
  if (account.kind == Kind::organization &&
      (account.is_administrator || !account.is_active || !account.password_hash.empty())) {
    return fail(ErrorCode::invalid, kNotAUser,
                fmt::format("{} is an organization: it has no password and cannot be disabled or "
                            "an administrator",
                            account.name));
  }
  if (!account.password_hash.empty() && !crypto::is_foreign_hash(account.password_hash)) {
    return fail(ErrorCode::invalid, kHashInvalid,
                fmt::format("the password's hash of {} is neither bcrypt (cost 4 to 14) nor "
                            "PBKDF2-SHA256 (up to 2000000 rounds) in a form that is known",
                            account.name));
  }
  return {};
}

Result<void> insert(db::Tx& tx, Random& random, const ImportedAccount& account,
                    const events::Actor& actor, Timestamp now) {
  const bool is_user = account.kind == Kind::user;
  const std::string id = uuid(random);
  HF_TRY(const std::int64_t added,
         tx.execute("INSERT INTO accounts (uuid, name, kind, full_name, is_administrator, "
                    "is_active, must_change_password, password_hash, version, created_at) "
                    "VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 1, $8) ON CONFLICT (name) DO NOTHING",
                    {id, account.name, static_cast<std::int64_t>(account.kind), account.full_name,
                     std::int64_t{account.is_administrator}, std::int64_t{account.is_active},
                     account.password_hash, to_micros(now)}));
  if (added == 0) {
    return fail(ErrorCode::already_exists, kAccountExists,
                fmt::format("an account {} exists already", account.name), {account.name});
  }
  HF_CHECK(make_findable(tx, account.name));
  events::Event event =
      event_of(is_user ? events::Type::user_created : events::Type::organization_created,
               account.name, actor, now);
  event.detail = "imported";
  return events::append(tx, event);
}

}  // namespace

Result<void> Imports::run(const std::vector<ImportedAccount>& accounts,
                          const events::Actor& actor) {
  if (accounts.size() > kAtOnce) {
    return fail(ErrorCode::invalid, kImportTooLarge,
                fmt::format("at most {} accounts are imported at once", kAtOnce));
  }
  for (const ImportedAccount& account : accounts) {
    if (auto fit = check(account); !fit) {
      Error error = std::move(fit).error();
      error.details = {account.name};
      return error;
    }
  }
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    const Timestamp now = clock_.now();
    for (const ImportedAccount& account : accounts) {
      HF_CHECK(insert(tx, random_, account, actor, now));
    }
    return {};
  });
}

}  // namespace holdfast::accounts
