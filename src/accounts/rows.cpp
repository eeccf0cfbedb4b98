#include "accounts/rows.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/random.hpp"
#include "oci/name.hpp"

namespace holdfast::accounts {

namespace {

// First segments of paths that are ours, now or in the APIs that automation expects: an account of
// that name could never have a page of its own.
constexpr std::array<std::string_view, 25> kReserved = {
    "v2",     "api",    "auth",   "enzi",   "accounts", "id",        "ca",    "metrics", "health",
    "login",  "logout", "static", "assets", "scan",     "language",  "index", "version", "info",
    "events", "system", "docs",   "charts", "roles",    "anonymous", "v1"};

constexpr std::size_t kNameMinBytes = 2;
constexpr std::size_t kNameMaxBytes = 40;

}  // namespace

Account account_of(const db::Row& row, int first) {
  Account account;
  account.id = row.integer(first);
  account.uuid = row.string(first + 1);
  account.name = row.string(first + 2);
  account.kind = static_cast<Kind>(row.integer(first + 3));
  account.full_name = row.string(first + 4);
  account.is_administrator = row.boolean(first + 5);
  account.is_active = row.boolean(first + 6);
  account.must_change_password = row.boolean(first + 7);
  account.version = row.integer(first + 8);
  account.created_at = from_micros(row.integer(first + 9));
  account.members_count = row.integer(first + 10);
  account.teams_count = row.integer(first + 11);
  account.organization_id = row.integer(first + 12);
  return account;
}

namespace {

Error unknown(std::string_view what, std::string_view name) {
  return fail(ErrorCode::not_found, kAccountUnknown, fmt::format("there is no {} {}", what, name));
}

}  // namespace

Result<void> make_findable(db::Tx& tx, std::string_view name) {
  HF_CHECK(tx.execute(
      "UPDATE accounts SET search_text = lower(name) || ' ' || lower(full_name) WHERE name = $1",
      {name}));
  return {};
}

Result<Account> account_in(db::Tx& tx, std::string_view name) {
  static const std::string sql =
      fmt::format("SELECT {} FROM accounts WHERE name = $1", kAccountColumns);
  HF_TRY(auto found,
         tx.find<Account>(sql, {name}, [](const db::Row& row) { return account_of(row); }));
  if (!found) return unknown("account", name);
  return *std::move(found);
}

Result<Account> account_in(db::Tx& tx, std::int64_t id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM accounts WHERE id = $1", kAccountColumns);
  HF_TRY(auto found,
         tx.find<Account>(sql, {id}, [](const db::Row& row) { return account_of(row); }));
  if (!found) return unknown("account", std::to_string(id));
  return *std::move(found);
}

Result<Account> user_in(db::Tx& tx, std::string_view name) {
  HF_TRY(Account found, account_in(tx, name));
  if (found.kind != Kind::user) return unknown("user", name);
  return found;
}

Result<Account> login_in(db::Tx& tx, std::string_view name) {
  HF_TRY(Account found, account_in(tx, name));
  if (found.kind == Kind::organization) return unknown("user", name);
  return found;
}

Result<Account> team_candidate_in(db::Tx& tx, const Account& organization, std::string_view name) {
  HF_TRY(Account found, login_in(tx, name));
  if (found.kind == Kind::service && found.organization_id != organization.id) {
    return unknown("user", name);
  }
  return found;
}

Result<Account> organization_in(db::Tx& tx, std::string_view name) {
  HF_TRY(Account found, account_in(tx, name));
  if (found.kind != Kind::organization) return unknown("organization", name);
  return found;
}

void tell_changed(db::Tx& tx, std::int64_t account_id) {
  tx.changed(kChangedAccount, std::to_string(account_id));
}

void tell_all_changed(db::Tx& tx) { tx.changed(kChangedAccount, ""); }

Result<void> check_name(std::string_view name, std::string_view what) {
  if (name.size() < kNameMinBytes || name.size() > kNameMaxBytes || !oci::is_name_component(name)) {
    return fail(ErrorCode::invalid, kAccountNameInvalid,
                fmt::format("the name of {} has {} to {} lower-case letters and digits, with "
                            "single '.', '_' or '-' between them",
                            what, kNameMinBytes, kNameMaxBytes));
  }
  if (std::ranges::find(kReserved, name) != kReserved.end()) {
    return fail(ErrorCode::invalid, kAccountNameInvalid,
                fmt::format("the name {} is reserved", name));
  }
  // Whatever takes a name takes the id as well: they must not be mistaken for each other.
  if (is_uuid(name)) {
    return fail(ErrorCode::invalid, kAccountNameInvalid, "a name must not have the form of an id");
  }
  return {};
}

Result<void> check_text(std::string_view text, std::string_view what, std::size_t limit_bytes) {
  if (text.size() > limit_bytes) {
    return fail(ErrorCode::invalid, kTextInvalid,
                fmt::format("{} has at most {} bytes", what, limit_bytes));
  }
  const bool has_control = std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7f;
  });
  if (has_control) {
    return fail(ErrorCode::invalid, kTextInvalid,
                fmt::format("{} is text without control characters", what));
  }
  return {};
}

events::Event event_of(events::Type type, std::string object, const events::Actor& actor,
                       Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = std::move(object);
  return event;
}

}  // namespace holdfast::accounts
