// Users and organizations: the one account database of registry, UI, API and gateway.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/fill_cache.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kAccountUnknown = "account_unknown";           // not_found
inline constexpr std::string_view kAccountExists = "account_exists";             // already_exists
inline constexpr std::string_view kAccountNameInvalid = "account_name_invalid";  // invalid
inline constexpr std::string_view kPasswordInvalid =
    "password_invalid";  // invalid: too short, too long, too well known or used lately
inline constexpr std::string_view kTextInvalid = "account_text_invalid";      // invalid
inline constexpr std::string_view kLastAdministrator = "last_administrator";  // conflict
inline constexpr std::string_view kNamespaceInUse = "namespace_in_use";       // conflict
inline constexpr std::string_view kNotAUser = "not_a_user";                   // invalid

std::span<const db::Migration> migrations();

// A service account belongs to an organization and logs in with access tokens alone
// (service_accounts.hpp).
enum class Kind : std::uint8_t { user, organization, service };

// An account as it is stored, without its secret.
struct Account {
  std::int64_t id = 0;
  std::string uuid;
  std::string name;
  Kind kind = Kind::user;
  std::string full_name;
  bool is_administrator = false;
  bool is_active = true;
  bool must_change_password = false;
  std::int64_t version = 0;  // goes up with every change that touches rights or secrets
  Timestamp created_at;
  std::int64_t members_count = 0;  // of an organization
  std::int64_t teams_count = 0;
  std::int64_t organization_id = 0;  // of a service account
};

// Permission levels of a team on a repository or a namespace, lowest first; DTR's "read-only",
// "read-write", "admin".
enum class Level : std::uint8_t { none, read_only, read_write, admin };

// What decides about a user's rights, as one immutable value: state, memberships, grants.
// Dropped from memory after COMMIT and before a change is answered (invariant 3).
struct Subject {
  std::int64_t account_id = 0;  // 0: anonymous
  std::string name;             // "" for anonymous
  std::int64_t version = 0;
  bool is_active = true;
  bool is_administrator = false;
  std::vector<std::int64_t> owned_namespaces;  // own id, and organizations that they own; sorted
  std::vector<std::int64_t> member_of;         // organizations, owned ones too; sorted
  struct Grant {
    std::int64_t namespace_id = 0;
    std::int64_t repository_id = 0;  // 0: the whole namespace
    Level level = Level::none;
  };
  std::vector<Grant> grants;  // the highest per (namespace, repository); sorted by both
  // Its sessions may do nothing else before; passwords and tokens are not held up (api/common).
  bool must_change_password = false;
};

// The topic of changes of what a user may do; key: the account's id.
inline constexpr std::string_view kChangedAccount = "account";

// Reads a user's Subject. not_found/kAccountUnknown for no such user.
Result<Subject> load_subject(db::Tx& tx, std::int64_t account_id);

struct NewUser {
  std::string name;
  std::string password;
  bool is_administrator = false;
  bool must_change_password = false;
  std::string full_name{};
  bool is_active = true;
};

// Changes to an account; nothing = keep. An organization has no password, is always active and no
// administrator, a service account has no password and is no administrator: invalid/kNotAUser.
struct AccountChange {
  std::optional<std::string> full_name{};
  std::optional<std::string> password{};
  std::optional<bool> is_active{};
  std::optional<bool> is_administrator{};
  bool must_change_password = false;  // of a new password: it is good for changing it
  std::string keep_session{};  // hash of the session that goes on when the password is changed
};

// Which accounts, in which order, from where.
struct AccountQuery {
  // None has service accounts: they are listed by their organization.
  enum class Filter : std::uint8_t {
    all,
    users,
    organizations,
    administrators,
    non_administrators,
    active_users,
    inactive_users,
  };
  enum class Order : std::uint8_t { name, full_name };
  Filter filter = Filter::all;
  Order order = Order::name;
  bool descending = false;
  std::string contains{};  // in name or full name, without case (ASCII); empty: all
  std::string start{};     // the first name wanted: that account is in the page when it is there
  std::int64_t limit = 10;
};

struct AccountTotals {
  std::int64_t users = 0;
  std::int64_t organizations = 0;
};

// Threads: any. Everything blocks on the database except cached_subject.
class Accounts {
 public:
  Accounts(db::Database& database, const Clock& clock, Random& random);

  // Creates a user with their own namespace. Names: one repository-name component of 2 to 40 bytes
  // that is neither reserved (the first segments of our own routes) nor in the form of an id.
  // Passwords: 8 to 1024 bytes, not the account's name and none of the most common ones. Full
  // names: at most 256 bytes.
  Result<Account> create_user(const NewUser& user, const events::Actor& actor);
  // Creates an organization without members.
  Result<Account> create_organization(std::string_view name, std::string_view full_name,
                                      const events::Actor& actor);
  // A new password, or to disable the account, ends its sessions. Refuses (conflict/
  // kLastAdministrator) to demote or disable the last active administrator.
  Result<Account> update(std::string_view name, const AccountChange& change,
                         const events::Actor& actor);
  // Deletes the account with its memberships, teams, grants and service accounts. Refuses the last
  // active administrator, and a namespace that has repositories (conflict/kNamespaceInUse).
  Result<void> remove(std::string_view name, const events::Actor& actor);

  Result<Account> find(std::string_view name);
  Result<Account> find(std::int64_t id);
  // By the id that the API shows.
  Result<Account> find_uuid(std::string_view uuid);
  // The ids that the API shows, of those that are there; a page of them at a time.
  Result<std::map<std::int64_t, std::string>> uuids(std::span<const std::int64_t> ids);
  // O(limit), but for `contains` and the filters of users, which may pass over what does not match.
  Result<std::vector<Account>> list(const AccountQuery& query);
  // How many accounts `query` has from its start on, whatever its limit.
  Result<std::int64_t> count(const AccountQuery& query);
  Result<AccountTotals> totals();
  // Whether there is any account: no means a first start.
  Result<bool> empty();

  // The subject when it is in memory. Never blocks on the database.
  std::shared_ptr<const Subject> cached_subject(std::int64_t account_id);
  // The subject, read when it is not in memory. not_found/kAccountUnknown.
  Result<std::shared_ptr<const Subject>> subject(std::int64_t account_id);
  // Those without an account.
  static const std::shared_ptr<const Subject>& anonymous();

  // For Authenticator: a password that was right by the hash of another product is hashed anew, if
  // that is still the hash. Neither sessions nor rights change.
  Result<void> renew_hash(const Account& account, std::string_view foreign_hash,
                          std::string_view password, const events::Actor& actor);
  // For Authenticator: the stored hash and state of a user; nothing when there is no such user.
  struct Credentials {
    Account account;
    std::string password_hash;
  };
  Result<std::optional<Credentials>> credentials(std::string_view name);

 private:
  Result<Account> insert(Kind kind, const NewUser& account, std::string_view password_hash,
                         const events::Actor& actor);

  db::Database& database_;
  const Clock& clock_;
  Random& random_;
  FillCache<std::shared_ptr<const Subject>> subjects_;
  std::shared_ptr<void> subscription_;
};

}  // namespace holdfast::accounts
