#include "accounts/accounts.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

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
};

// First segments of paths that are ours, now or in the APIs that automation expects: an account of
// that name could never have a page of its own.
constexpr std::array<std::string_view, 24> kReserved = {
    "v2",      "api",   "auth",   "enzi",   "accounts", "id",     "ca",       "metrics",
    "health",  "login", "logout", "static", "assets",   "scan",   "language", "index",
    "version", "info",  "events", "system", "docs",     "charts", "roles",    "anonymous"};

constexpr std::size_t kNameMinBytes = 2;
constexpr std::size_t kNameMaxBytes = 40;
constexpr std::size_t kPasswordMinBytes = 8;
constexpr std::size_t kPasswordMaxBytes = 1024;  // argon2 of more is a way to burn our time

constexpr std::string_view kColumns =
    "id, uuid, name, kind, full_name, is_administrator, is_active, must_change_password, version, "
    "created_at";

Account account_of(const db::Row& row) {
  return {row.integer(0), row.string(1),
          row.string(2),  row.integer(3) == 0 ? Kind::user : Kind::organization,
          row.string(4),  row.boolean(5),
          row.boolean(6), row.boolean(7),
          row.integer(8), from_micros(row.integer(9))};
}

Error unknown(std::string_view name) {
  return fail(ErrorCode::not_found, kAccountUnknown, fmt::format("there is no account {}", name));
}

Result<void> check_name(std::string_view name) {
  if (name.size() < kNameMinBytes || name.size() > kNameMaxBytes || !oci::is_name_component(name)) {
    return fail(
        ErrorCode::invalid, kAccountNameInvalid,
        fmt::format("an account's name has {} to {} lower-case letters and digits, with single "
                    "'.', '_' or '-' between them",
                    kNameMinBytes, kNameMaxBytes));
  }
  if (std::ranges::find(kReserved, name) != kReserved.end()) {
    return fail(ErrorCode::invalid, kAccountNameInvalid,
                fmt::format("the name {} is reserved", name));
  }
  return {};
}

Result<void> check_password(std::string_view password) {
  if (password.size() < kPasswordMinBytes || password.size() > kPasswordMaxBytes) {
    return fail(ErrorCode::invalid, kPasswordInvalid,
                fmt::format("a password has {} to {} bytes", kPasswordMinBytes, kPasswordMaxBytes));
  }
  return {};
}

Result<Account> find_by_name(db::Tx& tx, std::string_view name) {
  static const std::string sql = fmt::format("SELECT {} FROM accounts WHERE name = $1", kColumns);
  HF_TRY(auto found, tx.find<Account>(sql, {name}, account_of));
  if (!found) return unknown(name);
  return *std::move(found);
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

events::Event event_of(events::Type type, std::string_view object, const events::Actor& actor,
                       Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = object;
  return event;
}

std::string key_of(std::int64_t account_id) { return std::to_string(account_id); }

constexpr std::size_t kSubjectsInMemory = 10'000;
constexpr std::string_view kChangedAccount = "account";  // key: its id

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
  HF_CHECK(check_name(user.name));
  HF_CHECK(check_password(user.password));
  const std::string hash = crypto::hash_password(user.password, random_);
  const std::string id = uuid(random_);
  const Timestamp now = clock_.now();
  Account made;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t added,
           tx.execute(
               "INSERT INTO accounts (uuid, name, kind, full_name, is_administrator, is_active, "
               "must_change_password, password_hash, version, created_at) "
               "VALUES ($1, $2, 0, '', $3, 1, $4, $5, 1, $6) ON CONFLICT (name) DO NOTHING",
               {id, user.name, std::int64_t{user.is_administrator},
                std::int64_t{user.must_change_password}, hash, to_micros(now)}));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kAccountExists,
                  fmt::format("an account {} exists already", user.name));
    }
    HF_TRY(made, find_by_name(tx, user.name));
    return events::append(tx, event_of(events::Type::user_created, user.name, actor, now));
  }));
  return made;
}

Result<Account> Accounts::update_user(std::string_view name, const UserChange& change,
                                      const events::Actor& actor) {
  std::string hash;
  if (change.password) {
    HF_CHECK(check_password(*change.password));
    hash = crypto::hash_password(*change.password, random_);
  }
  Account changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(changed, find_by_name(tx, name));
    if (changed.kind != Kind::user) return unknown(name);
    if (change.password) {
      HF_CHECK(tx.execute(
          "UPDATE accounts SET password_hash = $2, must_change_password = 0 WHERE id = $1",
          {changed.id, hash}));
    }
    HF_CHECK(
        tx.execute("UPDATE accounts SET is_active = $2, is_administrator = $3, version = version + "
                   "1 WHERE id = $1",
                   {changed.id, std::int64_t{change.is_active.value_or(changed.is_active)},
                    std::int64_t{change.is_administrator.value_or(changed.is_administrator)}}));
    HF_CHECK(keep_an_administrator(tx));
    tx.changed(kChangedAccount, key_of(changed.id));
    HF_TRY(changed, find_by_name(tx, name));
    return events::append(tx, event_of(events::Type::user_updated, name, actor, clock_.now()));
  }));
  return changed;
}

Result<Account> Accounts::find(std::string_view name) {
  Account found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, find_by_name(tx, name));
    return {};
  }));
  return found;
}

Result<Account> Accounts::find(std::int64_t id) {
  static const std::string sql = fmt::format("SELECT {} FROM accounts WHERE id = $1", kColumns);
  std::optional<Account> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<Account>(sql, {id}, account_of));
    return {};
  }));
  if (!found) return unknown(std::to_string(id));
  return *std::move(found);
}

Result<std::vector<Account>> Accounts::list(std::string_view after, int limit) {
  static const std::string sql =
      fmt::format("SELECT {} FROM accounts WHERE name > $1 ORDER BY name LIMIT $2", kColumns);
  std::vector<Account> accounts;
  HF_CHECK(database_.read([&](db::Tx& tx) {
    return tx.query(sql, {after, std::int64_t{limit}}, [&](const db::Row& row) -> Result<void> {
      accounts.push_back(account_of(row));
      return {};
    });
  }));
  return accounts;
}

Result<bool> Accounts::empty() {
  HF_TRY(const std::vector<Account> first, list("", 1));
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
  static const std::string sql =
      fmt::format("SELECT {}, password_hash FROM accounts WHERE name = $1 AND kind = 0", kColumns);
  std::optional<Credentials> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<Credentials>(sql, {name}, [](const db::Row& row) {
      return Credentials{account_of(row), row.string(10)};
    }));
    return {};
  }));
  return found;
}

}  // namespace holdfast::accounts
