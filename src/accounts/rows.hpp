// What the files of this module share: rows of accounts, and how a change is told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "accounts/accounts.hpp"
#include "db/database.hpp"
#include "events/events.hpp"

namespace holdfast::accounts {

// Columns of an Account, in the order that account_of reads them from `first` on. The table must be
// named `accounts` in the statement.
inline constexpr std::string_view kAccountColumns =
    "accounts.id, accounts.uuid, accounts.name, accounts.kind, accounts.full_name, "
    "accounts.is_administrator, accounts.is_active, accounts.must_change_password, "
    "accounts.version, accounts.created_at, accounts.members_count, accounts.teams_count, "
    "accounts.organization_id";
inline constexpr int kAccountColumnsCount = 13;
Account account_of(const db::Row& row, int first = 0);

// not_found/kAccountUnknown.
Result<Account> account_in(db::Tx& tx, std::string_view name);
Result<Account> account_in(db::Tx& tx, std::int64_t id);
// As above, and of that kind.
Result<Account> user_in(db::Tx& tx, std::string_view name);
Result<Account> organization_in(db::Tx& tx, std::string_view name);
// Whoever logs in: a user or a service account.
Result<Account> login_in(db::Tx& tx, std::string_view name);
// Whoever may be in a team of the organization: a user, or a service account of its own.
Result<Account> team_candidate_in(db::Tx& tx, const Account& organization, std::string_view name);

// In the transaction that makes an account or changes its full name, after that: what `contains` of
// AccountQuery looks at.
Result<void> make_findable(db::Tx& tx, std::string_view name);

// What a user may do has changed: their Subject is dropped everywhere.
void tell_changed(db::Tx& tx, std::int64_t account_id);
// The same for everybody in one notice, where it concerns too many for one each.
void tell_all_changed(db::Tx& tx);

// Names of accounts and teams: see Accounts::create_user.
Result<void> check_name(std::string_view name, std::string_view what);
// Free text that people write: at most `limit_bytes`, without control characters but tabs and
// line ends. invalid/kTextInvalid. That it is UTF-8 the database checks.
Result<void> check_text(std::string_view text, std::string_view what, std::size_t limit_bytes);

events::Event event_of(events::Type type, std::string object, const events::Actor& actor,
                       Timestamp now);

}  // namespace holdfast::accounts
