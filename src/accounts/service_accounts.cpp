#include "accounts/service_accounts.hpp"

#include <fmt/format.h>

#include "accounts/rows.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::string_view kBetween = "..";
constexpr std::int64_t kMostOfOrganization = 1000;
constexpr std::size_t kDescriptionMaxBytes = 256;

std::string whole_name(std::string_view organization, std::string_view name) {
  return fmt::format("{}{}{}", organization, kBetween, name);
}

Result<void> check_room(db::Tx& tx, const Account& organization) {
  HF_TRY(const auto count,
         tx.find<std::int64_t>(
             "SELECT count(*) FROM accounts WHERE organization_id = $1 AND organization_id <> 0",
             {organization.id}, [](const db::Row& row) { return row.integer(0); }));
  if (count.value_or(0) < kMostOfOrganization) return {};
  return fail(ErrorCode::quota, kTooManyServiceAccounts,
              fmt::format("an organization has at most {} service accounts: give one several "
                          "tokens instead",
                          kMostOfOrganization));
}

}  // namespace

Result<Account> ServiceAccounts::create(std::string_view organization, std::string_view name,
                                        std::string_view description, const events::Actor& actor) {
  HF_CHECK(check_name(name, "a service account"));
  HF_CHECK(check_text(description, "a description", kDescriptionMaxBytes));
  const std::string id = uuid(random_);
  const Timestamp now = clock_.now();
  Account made;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account of, organization_in(tx, organization));
    HF_CHECK(check_room(tx, of));
    const std::string whole = whole_name(of.name, name);
    // An empty hash is no password's.
    HF_TRY(const std::int64_t added,
           tx.execute(
               "INSERT INTO accounts (uuid, name, kind, full_name, is_administrator, is_active, "
               "must_change_password, password_hash, version, created_at, organization_id) "
               "VALUES ($1, $2, $3, $4, 0, 1, 0, '', 1, $5, $6) ON CONFLICT (name) DO NOTHING",
               {id, whole, static_cast<std::int64_t>(Kind::service), description, to_micros(now),
                of.id}));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kAccountExists,
                  fmt::format("{} has a service account {} already", of.name, name));
    }
    HF_TRY(made, account_in(tx, whole));
    return events::append(tx, event_of(events::Type::service_account_created, whole, actor, now));
  }));
  return made;
}

Result<Account> ServiceAccounts::find(const Account& organization, std::string_view name) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM accounts WHERE organization_id = $1 AND organization_id <> 0 AND name = $2",
      kAccountColumns);
  const bool is_whole = name.find(kBetween) != std::string_view::npos;
  const std::string whole = is_whole ? std::string(name) : whole_name(organization.name, name);
  std::optional<Account> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<Account>(sql, {organization.id, whole},
                                   [](const db::Row& row) { return account_of(row); }));
    return {};
  }));
  if (found) return *std::move(found);
  return fail(ErrorCode::not_found, kServiceAccountUnknown,
              fmt::format("{} has no service account {}", organization.name, name));
}

Result<std::vector<Account>> ServiceAccounts::list(const Account& organization,
                                                   std::string_view start, std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM accounts WHERE organization_id = $1 AND organization_id <> 0 AND name >= $2 "
      "ORDER BY name LIMIT $3",
      kAccountColumns);
  std::vector<Account> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(sql, {organization.id, start, limit}, [&](const db::Row& row) -> Result<void> {
      found.push_back(account_of(row));
      return {};
    });
  }));
  return found;
}

}  // namespace holdfast::accounts
