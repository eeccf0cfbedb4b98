// Lists of accounts: one statement per filter and order, so that each goes through its index.
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

constexpr std::string_view kContains = R"(search_text LIKE lower($1) ESCAPE '\')";

}  // namespace

Result<std::vector<Account>> Accounts::list(const AccountQuery& query) {
  const std::string_view direction = query.descending ? "DESC" : "ASC";
  const std::string_view from = query.descending ? "<=" : ">=";
  std::vector<Account> accounts;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    accounts.clear();
    // The full name of the account that the page starts with; of one that is gone, its name.
    std::string start_full_name = query.start;
    if (query.order == Order::full_name && !query.start.empty()) {
      HF_TRY(const auto known,
             tx.find<std::string>("SELECT full_name FROM accounts WHERE name = $1", {query.start},
                                  [](const db::Row& row) { return row.string(0); }));
      start_full_name = known.value_or(query.start);
    }
    std::vector<db::Value> values;
    const auto bind = [&](db::Value value) {
      values.push_back(value);
      return values.size();
    };
    std::string which(condition(query.filter));
    const std::string like = pattern(query.contains);
    if (!query.contains.empty()) {
      bind(like);
      which += fmt::format(" AND {}", kContains);
    }
    std::string order;
    if (query.order == Order::name) {
      if (!query.start.empty()) which += fmt::format(" AND name {} ${}", from, bind(query.start));
      order = fmt::format("ORDER BY name {}", direction);
    } else {
      if (!query.start.empty()) {
        const std::size_t full_name = bind(start_full_name);
        which +=
            fmt::format(" AND (full_name, name) {} (${}, ${})", from, full_name, bind(query.start));
      }
      order = fmt::format("ORDER BY full_name {0}, name {0}", direction);
    }
    const std::string page = fmt::format("{} {} LIMIT ${}", which, order, bind(query.limit));
    // Names first: accounts_search has all that is compared, and few of the accounts are read.
    const std::string sql =
        query.contains.empty()
            ? fmt::format("SELECT {} FROM accounts WHERE {}", kAccountColumns, page)
            : fmt::format(
                  "SELECT {} FROM accounts WHERE name IN (SELECT name FROM accounts WHERE {}) {}",
                  kAccountColumns, page, order);
    return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
      accounts.push_back(account_of(row));
      return {};
    });
  }));
  return accounts;
}

Result<std::int64_t> Accounts::count(const AccountQuery& query) {
  std::int64_t number = 0;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    std::string sql =
        fmt::format("SELECT count(*) FROM accounts WHERE {}", condition(query.filter));
    const std::string like = pattern(query.contains);
    std::vector<db::Value> values;
    if (!query.contains.empty()) {
      sql += fmt::format(" AND {}", kContains);
      values.emplace_back(like);
    }
    return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
      number = row.integer(0);
      return {};
    });
  }));
  return number;
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
