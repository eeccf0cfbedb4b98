#include "db/copy.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <vector>

namespace holdfast::db {

namespace {

constexpr std::string_view kMigrations = "schema_migrations";

std::vector<std::string> column_names(const Table& table) {
  std::vector<std::string> names;
  std::ranges::transform(table.columns, std::back_inserter(names), &Table::Column::name);
  std::ranges::sort(names);
  return names;
}

Value value_of(const Row& row, int index, Table::Type type) {
  if (row.is_null(index)) return std::monostate{};
  switch (type) {
    case Table::Type::integer:
      return row.integer(index);
    case Table::Type::text:
      return row.text(index);
    case Table::Type::bytes:
      return row.bytes(index);
  }
  return std::monostate{};
}

std::string select_all(const Table& table) {
  std::vector<std::string> names;
  std::ranges::transform(table.columns, std::back_inserter(names), &Table::Column::name);
  // In the order of the first column, mostly the id: rows come after those that they refer to.
  return fmt::format("SELECT {} FROM {} ORDER BY 1", fmt::join(names, ", "), table.name);
}

std::string insert_into(const Table& table) {
  std::string names;
  std::string places;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    names += (i == 0 ? "" : ", ") + table.columns[i].name;
    places += fmt::format("{}${}", i == 0 ? "" : ", ", i + 1);
  }
  return fmt::format("INSERT INTO {} ({}) VALUES ({})", table.name, names, places);
}

// One row as text in which no two different rows are alike.
std::string flat(const Row& row, const Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const int index = static_cast<int>(i);
    if (row.is_null(index)) {
      text += "n;";
    } else if (table.columns[i].type == Table::Type::integer) {
      text += fmt::format("{};", row.integer(index));
    } else {
      const auto bytes = row.bytes(index);
      text += fmt::format("{}:", bytes.size());
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  return text;
}

// What tells the rows of two tables apart, in whatever order an engine gives them.
struct Sum {
  std::uint64_t rows = 0;
  std::uint64_t hashes = 0;
  void add(const Row& row, const Table& table) {
    ++rows;
    hashes += std::hash<std::string>{}(flat(row, table));
  }
  bool operator==(const Sum&) const = default;
};

Result<Sum> copy_rows(Tx& from, Tx& to, const Table& table) {
  const std::string insert = insert_into(table);
  std::vector<Value> values(table.columns.size());
  Sum sum;
  HF_CHECK(from.query(select_all(table), {}, [&](const Row& row) -> Result<void> {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = value_of(row, static_cast<int>(i), table.columns[i].type);
    }
    sum.add(row, table);
    HF_CHECK(to.execute(insert, std::span<const Value>(values)));
    return {};
  }));
  return sum;
}

Result<std::int64_t> largest_id(Tx& tx, const Table& table) {
  HF_TRY(const auto found,
         tx.find<std::int64_t>(fmt::format("SELECT max(id) FROM {}", table.name), {},
                               [](const Row& row) { return row.is_null(0) ? 0 : row.integer(0); }));
  return found.value_or(0);
}

Result<void> compare(Database& copied, const Table& table, const Sum& source) {
  Sum sum;
  HF_CHECK(copied.read([&](Tx& tx) {
    sum = {};
    return tx.query(select_all(table), {}, [&](const Row& row) -> Result<void> {
      sum.add(row, table);
      return {};
    });
  }));
  if (sum == source) return {};
  return fail(
      ErrorCode::corrupt, kCopyDiffers,
      fmt::format("the copy of table {} is not equal to it ({} rows there, {} in the copy): do not "
                  "use it",
                  table.name, source.rows, sum.rows));
}

Result<void> check_schema(const std::vector<Table>& source, const std::vector<Table>& target) {
  for (const Table& table : source) {
    const auto same = std::ranges::find(target, table.name, &Table::name);
    if (same != target.end() && column_names(*same) == column_names(table)) continue;
    return fail(ErrorCode::conflict, kCopySchema,
                fmt::format("table {} is not the same in both databases: bring both up to date "
                            "first (holdfast db migrate)",
                            table.name));
  }
  return {};
}

Result<void> check_empty(Tx& tx, const Table& table) {
  HF_TRY(const auto first,
         tx.find<std::int64_t>(fmt::format("SELECT 1 FROM {} LIMIT 1", table.name), {},
                               [](const Row&) { return std::int64_t{1}; }));
  if (!first) return {};
  return fail(ErrorCode::conflict, kCopyTargetInUse,
              fmt::format("the target holds rows already (table {}): copy into a new database",
                          table.name));
}

}  // namespace

Result<void> copy(Database& from, Database& to, const CopyProgress& progress) {
  HF_TRY(std::vector<Table> tables, from.tables());
  HF_TRY(const auto target, to.tables());
  HF_CHECK(check_schema(tables, target));
  std::erase_if(tables, [](const Table& table) { return table.name == kMigrations; });
  std::vector<Sum> sums;
  HF_CHECK(to.write(Durability::full, [&](Tx& into) -> Result<void> {
    for (const Table& table : tables) HF_CHECK(check_empty(into, table));
    return from.read([&](Tx& source) -> Result<void> {
      sums.clear();
      for (const Table& table : tables) {
        HF_TRY(const Sum sum, copy_rows(source, into, table));
        if (table.counts) {
          // Rows may have come since the tables were looked at.
          HF_TRY(const std::int64_t largest, largest_id(source, table));
          HF_CHECK(to.set_last_id(into, table.name, std::max(table.last_id, largest)));
        }
        sums.push_back(sum);
        progress(table.name, sum.rows);
      }
      return {};
    });
  }));
  for (std::size_t i = 0; i < tables.size(); ++i) HF_CHECK(compare(to, tables[i], sums[i]));
  return {};
}

}  // namespace holdfast::db
