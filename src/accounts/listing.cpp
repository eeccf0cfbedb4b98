// Lists of accounts: one statement per filter and order, so that each goes through its index.
#include <bit>
#include <fmt/format.h>

#include "accounts/accounts.hpp"
#include "accounts/rows.hpp"

namespace holdfast::accounts {

namespace {

using Filter = AccountQuery::Filter;
using Order = AccountQuery::Order;

std::string_view condition(Filter filter) {
  switch (filter) {
    case Filter::all:
      return "kind < 2";
    case Filter::users:
      return "kind = 0";
    case Filter::organizations:
      return "kind = 1";
    case Filter::administrators:
      return "kind = 0 AND is_administrator = 1";
    case Filter::non_administrators:
      return "kind = 0 AND is_administrator = 0";
    case Filter::active_users:
      return "kind = 0 AND is_active = 1";
    case Filter::inactive_users:
      return "kind = 0 AND is_active = 0";
  }
  return "1 = 1";
}

// For LIKE … ESCAPE '\'. Empty: everything matches.
std::string pattern(std::string_view contains) {
  std::string text = "%";
  for (const char c : contains) {
    if (c == '%' || c == '_' || c == '\\') text += '\\';
    text += c;
  }
  return text + "%";
}

// The pattern is made once, not for each row.
constexpr std::string_view kContains = R"(search_text LIKE (SELECT lower($1)) ESCAPE '\')";

// The condition of a query, and its parameters; limit and order apart.
class Selection {
 public:
  Selection(db::Tx& tx, const AccountQuery& query)
      : tx_(tx), query_(query), like_(pattern(query.contains)) {}

  Result<std::string> condition_sql() {
    std::string which(condition(query_.filter));
    if (!query_.contains.empty()) {
      bind(like_);
      which += fmt::format(" AND {}", kContains);
    }
    if (query_.start.empty()) return which;
    const std::string_view from = query_.descending ? "<=" : ">=";
    if (query_.order == Order::name) {
      return which + fmt::format(" AND name {} ${}", from, bind(query_.start));
    }
    HF_CHECK(find_start());
    const std::size_t full_name = bind(start_full_name_);
    return which +
           fmt::format(" AND (full_name, name) {} (${}, ${})", from, full_name, bind(query_.start));
  }

  // The number of the parameter.
  std::size_t bind(db::Value value) {
    values_.push_back(value);
    return values_.size();
  }
  [[nodiscard]] const std::vector<db::Value>& values() const { return values_; }

 private:
  // The full name of the account that the page starts with; of one that is gone, its name.
  Result<void> find_start() {
    HF_TRY(const auto known,
           tx_.find<std::string>("SELECT full_name FROM accounts WHERE name = $1", {query_.start},
                                 [](const db::Row& row) { return row.string(0); }));
    start_full_name_ = known.value_or(query_.start);
    return {};
  }

  db::Tx& tx_;
  const AccountQuery& query_;
  const std::string like_;
  std::string start_full_name_;
  std::vector<db::Value> values_;
};

std::string order_sql(const AccountQuery& query) {
  const std::string_view direction = query.descending ? "DESC" : "ASC";
  return query.order == Order::name ? fmt::format("ORDER BY name {}", direction)
                                    : fmt::format("ORDER BY full_name {0}, name {0}", direction);
}

}  // namespace

Result<std::vector<Account>> Accounts::list(const AccountQuery& query) {
  std::vector<Account> accounts;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    accounts.clear();
    Selection selection(tx, query);
    HF_TRY(const std::string which, selection.condition_sql());
    const std::string order = order_sql(query);
    const std::string page =
        fmt::format("{} {} LIMIT ${}", which, order, selection.bind(query.limit));
    // Names first: accounts_search has all that is compared, and few of the accounts are read.
    const std::string sql =
        query.contains.empty()
            ? fmt::format("SELECT {} FROM accounts WHERE {}", kAccountColumns, page)
            : fmt::format(
                  "SELECT {} FROM accounts WHERE name IN (SELECT name FROM accounts WHERE {}) {}",
                  kAccountColumns, page, order);
    return tx.query(sql, selection.values(), [&](const db::Row& row) -> Result<void> {
      accounts.push_back(account_of(row));
      return {};
    });
  }));
  return accounts;
}

Result<std::int64_t> Accounts::count(const AccountQuery& query) {
  std::int64_t number = 0;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    Selection selection(tx, query);
    HF_TRY(const std::string which, selection.condition_sql());
    return tx.query(fmt::format("SELECT count(*) FROM accounts WHERE {}", which),
                    selection.values(), [&](const db::Row& row) -> Result<void> {
                      number = row.integer(0);
                      return {};
                    });
  }));
  return number;
}

Result<std::map<std::int64_t, std::string>> Accounts::uuids(std::span<const std::int64_t> ids) {
  std::map<std::int64_t, std::string> found;
  if (ids.empty()) return found;
  // As many places as the next power of two: few statements for all lengths.
  std::vector<db::Value> values(ids.begin(), ids.end());
  values.resize(std::bit_ceil(values.size()), ids.front());
  std::string places;
  for (std::size_t i = 1; i <= values.size(); ++i) {
    places += fmt::format("{}${}", i == 1 ? "" : ", ", i);
  }
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(fmt::format("SELECT id, uuid FROM accounts WHERE id IN ({})", places), values,
                    [&](const db::Row& row) -> Result<void> {
                      found.emplace(row.integer(0), row.string(1));
                      return {};
                    });
  }));
  return found;
}

Result<AccountTotals> Accounts::totals() {
  AccountTotals totals;
  HF_CHECK(database_.read([&](db::Tx& tx) {
    return tx.query("SELECT kind, count(*) FROM accounts WHERE kind < 2 GROUP BY kind", {},
                    [&](const db::Row& row) -> Result<void> {
                      (row.integer(0) == 0 ? totals.users : totals.organizations) = row.integer(1);
                      return {};
                    });
  }));
  return totals;
}

}  // namespace holdfast::accounts
