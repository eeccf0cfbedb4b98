#include "accounts/accounts.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "accounts/password_rules.hpp"
#include "accounts/rows.hpp"
#include "accounts/sessions.hpp"
#include "crypto/secret.hpp"
#include "oci/name.hpp"

namespace holdfast::accounts {

namespace {

constexpr db::Migration kMigrations[] = {
    {"accounts/0001-accounts", R"(CREATE TABLE accounts (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        name {text} NOT NULL UNIQUE,
        kind {int} NOT NULL,
        full_name {text} NOT NULL,
        is_administrator {int} NOT NULL,
        is_active {int} NOT NULL,
        must_change_password {int} NOT NULL,
        password_hash {text} NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL);
      CREATE TABLE organization_members (
        organization_id {int} NOT NULL REFERENCES accounts (id),
        user_id {int} NOT NULL REFERENCES accounts (id),
        is_owner {int} NOT NULL,
        PRIMARY KEY (user_id, organization_id));
      CREATE TABLE teams (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        organization_id {int} NOT NULL REFERENCES accounts (id),
        name {text} NOT NULL,
        description {text} NOT NULL,
        UNIQUE (organization_id, name));
      CREATE TABLE team_members (
        team_id {int} NOT NULL REFERENCES teams (id),
        user_id {int} NOT NULL REFERENCES accounts (id),
        PRIMARY KEY (user_id, team_id));
      CREATE TABLE grants (
        team_id {int} NOT NULL REFERENCES teams (id),
        namespace_id {int} NOT NULL REFERENCES accounts (id),
        repository_id {int} NOT NULL,
        level {int} NOT NULL,
        PRIMARY KEY (team_id, namespace_id, repository_id)))"},
    // What lists go through, and the counts that they show.
    {"accounts/0002-organizations",
     R"(ALTER TABLE accounts ADD COLUMN members_count {int} NOT NULL DEFAULT 0;
      ALTER TABLE accounts ADD COLUMN teams_count {int} NOT NULL DEFAULT 0;
      CREATE INDEX accounts_kind ON accounts (kind, name);
      CREATE INDEX accounts_full_name ON accounts (full_name, name);
      ALTER TABLE organization_members ADD COLUMN user_uuid {text} NOT NULL DEFAULT '';
      UPDATE organization_members SET user_uuid = (SELECT uuid FROM accounts WHERE accounts.id = organization_members.user_id);
      CREATE INDEX organization_members_users ON organization_members (organization_id, user_uuid);
      CREATE INDEX organization_members_owners ON organization_members (organization_id, is_owner, user_uuid);
      ALTER TABLE teams ADD COLUMN members_count {int} NOT NULL DEFAULT 0;
      ALTER TABLE team_members ADD COLUMN is_admin {int} NOT NULL DEFAULT 0;
      ALTER TABLE team_members ADD COLUMN user_uuid {text} NOT NULL DEFAULT '';
      UPDATE team_members SET user_uuid = (SELECT uuid FROM accounts WHERE accounts.id = team_members.user_id);
      CREATE INDEX team_members_users ON team_members (team_id, user_uuid);
      CREATE INDEX team_members_admins ON team_members (team_id, is_admin, user_uuid);
      CREATE INDEX grants_namespace ON grants (namespace_id, repository_id, team_id))"},
    // A time that is 0 is none.
    {"accounts/0003-access-tokens", R"(CREATE TABLE access_tokens (
        id {text} NOT NULL UNIQUE,
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        label {text} NOT NULL,
        is_active {int} NOT NULL,
        created_at {int} NOT NULL,
        last_used {int} NOT NULL,
        origin {int} NOT NULL,
        client {text} NOT NULL,
        expires_at {int} NOT NULL,
        scope {text} NOT NULL,
        PRIMARY KEY (account_id, id)))"},
    {"accounts/0004-sessions", R"(CREATE TABLE sessions (
        hash {text} NOT NULL PRIMARY KEY,
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        created_at {int} NOT NULL,
        last_used_at {int} NOT NULL,
        expires_at {int} NOT NULL,
        address {text} NOT NULL,
        client {text} NOT NULL);
      CREATE INDEX sessions_account ON sessions (account_id, hash);
      CREATE INDEX sessions_expiry ON sessions (expires_at);
      CREATE TABLE account_settings (
        name {text} NOT NULL PRIMARY KEY,
        value {int} NOT NULL))"},
};

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

// Takes an organization's members, teams and grants away.
Result<void> dissolve(db::Tx& tx, std::int64_t organization_id) {
  for (const std::string_view sql :
       {"DELETE FROM grants WHERE namespace_id = $1",
        "DELETE FROM team_members WHERE team_id IN (SELECT id FROM teams WHERE organization_id = "
        "$1)",
        "DELETE FROM teams WHERE organization_id = $1",
        "DELETE FROM organization_members WHERE organization_id = $1"}) {
    HF_CHECK(tx.execute(sql, {organization_id}));
  }
  tell_all_changed(tx);
  return {};
}

// Inside the change's transaction, after it: two administrators cannot remove each other.
Result<void> keep_an_administrator(db::Tx& tx) {
  HF_TRY(
      const auto left,
      tx.find<std::int64_t>(
          "SELECT count(*) FROM accounts WHERE kind = 0 AND is_administrator = 1 AND is_active = 1",
          {}, [](const db::Row& row) { return row.integer(0); }));
  if (left.value_or(0) > 0) return {};
  return fail(ErrorCode::conflict, kLastAdministrator,
              "this is the last active administrator: make another one first");
}

constexpr std::size_t kSubjectsInMemory = 10'000;

std::string key_of(std::int64_t account_id) { return std::to_string(account_id); }

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

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
    hash = crypto::hash_password(*change.password, random_);
  }
  Account changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(changed, account_in(tx, name));
    const bool is_user = changed.kind == Kind::user;
    if (!is_user && (change.password || !change.is_active.value_or(true) ||
                     change.is_administrator.value_or(false))) {
      return fail(ErrorCode::invalid, kNotAUser,
                  fmt::format("{} is an organization: it has no password and cannot be disabled or "
                              "an administrator",
                              name));
    }
    if (change.password) {
      HF_CHECK(tx.execute(
          "UPDATE accounts SET password_hash = $2, must_change_password = $3 WHERE id = $1",
          {changed.id, hash, std::int64_t{change.must_change_password}}));
    }
    if (change.password || !change.is_active.value_or(true)) {
      HF_CHECK(end_sessions(tx, changed.id, change.keep_session));
    }
    HF_CHECK(
        tx.execute("UPDATE accounts SET full_name = $4, is_active = $2, is_administrator = $3, "
                   "version = version + $5 WHERE id = $1",
                   {changed.id, std::int64_t{change.is_active.value_or(changed.is_active)},
                    std::int64_t{change.is_administrator.value_or(changed.is_administrator)},
                    change.full_name.value_or(changed.full_name),
                    std::int64_t{change.password || change.is_active || change.is_administrator}}));
    HF_CHECK(keep_an_administrator(tx));
    tell_changed(tx, changed.id);
    HF_TRY(changed, account_in(tx, name));
    return events::append(
        tx, event_of(is_user ? events::Type::user_updated : events::Type::organization_updated,
                     std::string(name), actor, clock_.now()));
  }));
  return changed;
}

Result<void> Accounts::remove(std::string_view name, const events::Actor& actor) {
  const auto steps = [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account account, account_in(tx, name));
    const bool is_user = account.kind == Kind::user;
    HF_CHECK(is_user ? leave_everything(tx, account.id) : dissolve(tx, account.id));
    HF_CHECK(end_sessions(tx, account.id));
    HF_CHECK(tx.execute("DELETE FROM accounts WHERE id = $1", {account.id}));
    HF_CHECK(keep_an_administrator(tx));
    return events::append(
        tx, event_of(is_user ? events::Type::user_deleted : events::Type::organization_deleted,
                     std::string(name), actor, clock_.now()));
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
