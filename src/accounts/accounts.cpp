#include "accounts/accounts.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "accounts/password_history.hpp"
#include "accounts/password_rules.hpp"
#include "accounts/rows.hpp"
#include "accounts/sessions.hpp"
#include "crypto/secret.hpp"
#include "oci/name.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kFullNameMaxBytes = 256;

// Takes a user out of every organization and team.
Result<void> leave_everything(db::Tx& tx, std::int64_t user_id) {
  for (const std::string_view sql :
       {"UPDATE teams SET members_count = members_count - 1 WHERE id IN "
        "(SELECT team_id FROM team_members WHERE user_id = $1)",
        "DELETE FROM team_members WHERE user_id = $1",
        "UPDATE accounts SET members_count = members_count - 1 WHERE id IN "
        "(SELECT organization_id FROM organization_members WHERE user_id = $1)",
        "DELETE FROM organization_members WHERE user_id = $1"}) {
    HF_CHECK(tx.execute(sql, {user_id}));
  }
  tell_changed(tx, user_id);
  return {};
}

// Takes an organization's members, teams, grants and service accounts away.
Result<void> dissolve(db::Tx& tx, std::int64_t organization_id) {
  for (const std::string_view sql :
       {"DELETE FROM grants WHERE namespace_id = $1",
        ("DELETE FROM team_members WHERE team_id IN "
         "(SELECT id FROM teams WHERE organization_id = $1)"),
        "DELETE FROM teams WHERE organization_id = $1",
        "DELETE FROM organization_members WHERE organization_id = $1",
        "DELETE FROM accounts WHERE organization_id = $1 AND organization_id <> 0"}) {
    HF_CHECK(tx.execute(sql, {organization_id}));
  }
  tell_all_changed(tx);
  return {};
}

// Inside the change's transaction, after it: two administrators cannot remove each other. `before`
// is the account as it was: where no administrator goes nobody is counted, as that reads them all.
Result<void> keep_an_administrator(db::Tx& tx, const Account& before) {
  if (!before.is_administrator || !before.is_active) return {};
  HF_TRY(
      const auto left,
      tx.find<std::int64_t>(
          "SELECT count(*) FROM accounts WHERE kind = 0 AND is_administrator = 1 AND is_active = 1",
          {}, [](const db::Row& row) { return row.integer(0); }));
  if (left.value_or(0) > 0) return {};
  return fail(ErrorCode::conflict, kLastAdministrator,
              "this is the last active administrator: make another one first");
}

struct ChangeTypes {
  events::Type updated;
  events::Type deleted;
};

ChangeTypes types_of(Kind kind) {
  switch (kind) {
    case Kind::user:
      return {events::Type::user_updated, events::Type::user_deleted};
    case Kind::organization:
      return {events::Type::organization_updated, events::Type::organization_deleted};
    case Kind::service:
      return {events::Type::service_account_updated, events::Type::service_account_deleted};
  }
  return {events::Type::user_updated, events::Type::user_deleted};
}

// Whether an account of this kind can become what is asked.
Result<void> check_possible(const Account& account, const AccountChange& change) {
  if (account.kind == Kind::user) return {};
  const bool ends = !change.is_active.value_or(true) && account.kind == Kind::organization;
  if (!change.password && !change.is_administrator.value_or(false) && !ends) return {};
  return fail(ErrorCode::invalid, kNotAUser,
              account.kind == Kind::organization
                  ? fmt::format("{} is an organization: it has no password and cannot be disabled "
                                "or an administrator",
                                account.name)
                  : fmt::format("{} is a service account: it has no password and cannot be an "
                                "administrator",
                                account.name));
}

constexpr std::size_t kSubjectsInMemory = 10'000;

std::string key_of(std::int64_t account_id) { return std::to_string(account_id); }

}  // namespace

Accounts::Accounts(db::Database& database, const Clock& clock, Random& random)
    : database_(database),
      clock_(clock),
      random_(random),
      subjects_(kSubjectsInMemory),
      subscription_(database.subscribe(
          kChangedAccount, [this](std::string_view key) { subjects_.drop_or_clear(key); })) {}

Result<Account> Accounts::create_user(const NewUser& user, const events::Actor& actor) {
  HF_CHECK(check_name(user.name, "an account"));
  HF_CHECK(check_text(user.full_name, "a full name", kFullNameMaxBytes));
  HF_CHECK(check_password(user.name, user.password));
  return insert(Kind::user, user, crypto::hash_password(user.password, random_), actor);
}

Result<Account> Accounts::create_organization(std::string_view name, std::string_view full_name,
                                              const events::Actor& actor) {
  HF_CHECK(check_name(name, "an account"));
  HF_CHECK(check_text(full_name, "a full name", kFullNameMaxBytes));
  NewUser organization;
  organization.name = name;
  organization.full_name = full_name;
  return insert(Kind::organization, organization, "", actor);
}

Result<Account> Accounts::insert(Kind kind, const NewUser& account, std::string_view password_hash,
                                 const events::Actor& actor) {
  const bool is_user = kind == Kind::user;
  const std::string id = uuid(random_);
  const Timestamp now = clock_.now();
  Account made;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t added,
           tx.execute(
               "INSERT INTO accounts (uuid, name, kind, full_name, is_administrator, is_active, "
               "must_change_password, password_hash, version, created_at) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9) ON CONFLICT (name) DO NOTHING",
               {id, account.name, std::int64_t{!is_user}, account.full_name,
                std::int64_t{account.is_administrator}, std::int64_t{account.is_active},
                std::int64_t{account.must_change_password}, password_hash, to_micros(now)}));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kAccountExists,
                  fmt::format("an account {} exists already", account.name));
    }
    HF_CHECK(make_findable(tx, account.name));
    HF_TRY(made, account_in(tx, account.name));
    return events::append(
        tx, event_of(is_user ? events::Type::user_created : events::Type::organization_created,
                     account.name, actor, now));
  }));
  return made;
}

Result<Account> Accounts::update(std::string_view name, const AccountChange& change,
                                 const events::Actor& actor) {
  std::string hash;
  if (change.full_name) {
    HF_CHECK(check_text(*change.full_name, "a full name", kFullNameMaxBytes));
  }
  if (change.password) {
    HF_CHECK(check_password(name, *change.password));
    HF_CHECK(check_not_used_lately(database_, name, *change.password));
    hash = crypto::hash_password(*change.password, random_);
  }
  Account changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(changed, account_in(tx, name));
    HF_CHECK(check_possible(changed, change));
    if (change.password) {
      HF_CHECK(put_password_away(tx, changed.id));
      HF_CHECK(tx.execute(
          "UPDATE accounts SET password_hash = $2, must_change_password = $3 WHERE id = $1",
          {changed.id, hash, std::int64_t{change.must_change_password}}));
    }
    if (change.password || !change.is_active.value_or(true)) {
      HF_CHECK(end_sessions(tx, changed.id, change.keep_session));
    }
    const bool is_active = change.is_active.value_or(changed.is_active);
    const bool is_administrator = change.is_administrator.value_or(changed.is_administrator);
    // Scripts that set every night what is so already end nobody's logins.
    const bool is_new = change.password || is_active != changed.is_active ||
                        is_administrator != changed.is_administrator;
    HF_CHECK(
        tx.execute("UPDATE accounts SET full_name = $4, is_active = $2, is_administrator = $3, "
                   "version = version + $5 WHERE id = $1",
                   {changed.id, std::int64_t{is_active}, std::int64_t{is_administrator},
                    change.full_name.value_or(changed.full_name), std::int64_t{is_new}}));
    if (!is_active || !is_administrator) HF_CHECK(keep_an_administrator(tx, changed));
    if (change.full_name) HF_CHECK(make_findable(tx, name));
    tell_changed(tx, changed.id);
    HF_TRY(changed, account_in(tx, name));
    return events::append(
        tx, event_of(types_of(changed.kind).updated, std::string(name), actor, clock_.now()));
  }));
  return changed;
}

Result<void> Accounts::renew_hash(const Account& account, std::string_view foreign_hash,
                                  std::string_view password, const events::Actor& actor) {
  const std::string hash = crypto::hash_password(password, random_);
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t changed,
           tx.execute("UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                      {account.id, foreign_hash, hash}));
    if (changed == 0) return {};
    events::Event event = event_of(events::Type::user_updated, account.name, actor, clock_.now());
    event.actor.account_id = account.id;
    event.actor.name = account.name;
    event.detail = "the hash of the password";
    return events::append(tx, event);
  });
}

Result<void> Accounts::remove(std::string_view name, const events::Actor& actor) {
  const auto steps = [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account account, account_in(tx, name));
    HF_CHECK(account.kind == Kind::organization ? dissolve(tx, account.id)
                                                : leave_everything(tx, account.id));
    HF_CHECK(end_sessions(tx, account.id));
    HF_CHECK(tx.execute("DELETE FROM accounts WHERE id = $1", {account.id}));
    HF_CHECK(keep_an_administrator(tx, account));
    return events::append(
        tx, event_of(types_of(account.kind).deleted, std::string(name), actor, clock_.now()));
  };
  Result<void> outcome = database_.write(db::Durability::full, steps);
  // Repositories refer to their namespace.
  if (!outcome && outcome.error().reason == db::kConstraint) {
    return fail(ErrorCode::conflict, kNamespaceInUse,
                fmt::format("{} still has repositories: delete them first", name));
  }
  return outcome;
}

Result<Account> Accounts::find(std::string_view name) {
  Account found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, account_in(tx, name));
    return {};
  }));
  return found;
}

Result<Account> Accounts::find(std::int64_t id) {
  Account found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, account_in(tx, id));
    return {};
  }));
  return found;
}

Result<Account> Accounts::find_uuid(std::string_view uuid) {
  static const std::string sql =
      fmt::format("SELECT {} FROM accounts WHERE uuid = $1", kAccountColumns);
  std::optional<Account> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found,
           tx.find<Account>(sql, {uuid}, [](const db::Row& row) { return account_of(row); }));
    return {};
  }));
  if (!found) {
    return fail(ErrorCode::not_found, kAccountUnknown,
                fmt::format("there is no account with the id {}", uuid));
  }
  return *std::move(found);
}

Result<bool> Accounts::empty() {
  AccountQuery any;
  any.limit = 1;
  HF_TRY(const std::vector<Account> first, list(any));
  return first.empty();
}

std::shared_ptr<const Subject> Accounts::cached_subject(std::int64_t account_id) {
  return subjects_.find(key_of(account_id)).value_or(nullptr);
}

Result<std::shared_ptr<const Subject>> Accounts::subject(std::int64_t account_id) {
  const std::string key = key_of(account_id);
  if (auto cached = subjects_.find(key)) return *std::move(cached);
  const auto ticket = subjects_.ticket(key);
  std::shared_ptr<const Subject> loaded;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(Subject subject, load_subject(tx, account_id));
    loaded = std::make_shared<const Subject>(std::move(subject));
    return {};
  }));
  subjects_.insert(ticket, key, loaded);
  return loaded;
}

const std::shared_ptr<const Subject>& Accounts::anonymous() {
  static const std::shared_ptr<const Subject> nobody = std::make_shared<const Subject>();
  return nobody;
}

Result<std::optional<Accounts::Credentials>> Accounts::credentials(std::string_view name) {
  static const std::string sql = fmt::format(
      "SELECT {}, password_hash FROM accounts WHERE name = $1 AND kind = 0", kAccountColumns);
  // Anybody gives a name here, and a database does not take all bytes as text.
  if (!oci::is_name_component(name)) return std::optional<Credentials>();
  std::optional<Credentials> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<Credentials>(sql, {name}, [](const db::Row& row) {
      return Credentials{account_of(row), row.string(kAccountColumnsCount)};
    }));
    return {};
  }));
  return found;
}

}  // namespace holdfast::accounts
