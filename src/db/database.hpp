// The database seam: transactions as plain functions, one SQL text for every engine.
//
// Modules own their tables and their SQL; they share a transaction by passing Tx&. A driver
// (db/sqlite, db/postgres) runs them. The contract suite in db/testing is what a driver must pass.
//
// SQL: placeholders $1, $2, …; type words {id} {int} {text} {bytes} in DDL, rendered by the driver
// ({id}: integer primary key that the engine counts up; {int}: 64-bit, booleans and microsecond
// times too). INSERT … RETURNING and ON CONFLICT are allowed; FOR UPDATE is not. Text is UTF-8
// without NUL and compares by bytes. Sums are cast: CAST(sum(x) AS BIGINT).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace holdfast::db {

// Reasons beside the code.
inline constexpr std::string_view kUniqueViolation = "unique_violation";          // already_exists
inline constexpr std::string_view kConstraint = "constraint_violation";           // conflict
inline constexpr std::string_view kDatabaseFull = "database_full";                // no_space
inline constexpr std::string_view kDatabaseBroken = "database_broken";            // corrupt
inline constexpr std::string_view kDatabaseUnavailable = "database_unavailable";  // unavailable
inline constexpr std::string_view kSchemaNewer = "schema_newer";                  // unsupported
inline constexpr std::string_view kTextInvalid = "text_invalid";                  // invalid
inline constexpr std::string_view kSqlError = "sql_error";                        // internal: a bug

// A parameter of a statement. string_view is {text}; span is {bytes}.
using Value =
    std::variant<std::monostate, std::int64_t, std::string_view, std::span<const std::byte>>;

// One row of an answer. Columns count from 0; views live until the next row or the statement's end.
class Row {
 public:
  virtual ~Row() = default;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
  [[nodiscard]] virtual std::string_view text(int column) const = 0;
  [[nodiscard]] virtual std::span<const std::byte> bytes(int column) const = 0;

  [[nodiscard]] std::string string(int column) const { return std::string(text(column)); }
  [[nodiscard]] bool boolean(int column) const { return integer(column) != 0; }
};

// A transaction that is under way. Not for several threads; never kept beyond the function it was
// given to. Statements are prepared once per connection and found again by their text, so `sql`
// should be a constant.
class Tx {
 public:
  virtual ~Tx() = default;

  using Each = std::function<Result<void>(const Row&)>;

  // Runs a statement; gives the number of rows changed. After an error the transaction can only be
  // given up: what may happen in good order is asked for with ON CONFLICT.
  virtual Result<std::int64_t> execute(std::string_view sql, std::span<const Value> values) = 0;
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values) {
    return execute(sql, std::span(values.begin(), values.size()));
  }

  // Calls `each` for every row; an error from it ends the query and is returned. Rows come as the
  // engine finds them, so `each` must not use this transaction.
  virtual Result<void> query(std::string_view sql, std::span<const Value> values,
                             const Each& each) = 0;
  Result<void> query(std::string_view sql, std::initializer_list<Value> values, const Each& each) {
    return query(sql, std::span(values.begin(), values.size()), each);
  }

  // Says that what is remembered under `key` is true no more. After COMMIT and before write()
  // returns, every subscriber of the topic hears it; those of other replicas within a second.
  virtual void changed(std::string_view topic, std::string_view key) = 0;

  // The first row mapped by `map`, or nothing.
  template <typename T>
  Result<std::optional<T>> find(std::string_view sql, std::initializer_list<Value> values,
                                const std::function<T(const Row&)>& map) {
    std::optional<T> found;
    HF_CHECK(query(sql, values, [&](const Row& row) -> Result<void> {
      if (!found) found = map(row);
      return {};
    }));
    return found;
  }
};

// How far a commit must have gone before write() returns.
enum class Durability {
  full,     // survives a power cut (invariant 1)
  relaxed,  // survives a crash of the process; a power cut may lose it, in order: upload sessions
};

// A forward-only step of the schema. Steps of all modules run in the order the root lists them.
struct Migration {
  std::string_view name;  // "accounts/0001-accounts": unique, never changed once released
  std::string_view ddl;   // statements separated by ';'
};

// A table as it is stored, for db/copy.hpp.
struct Table {
  enum class Type { integer, text, bytes };
  struct Column {
    std::string name;
    Type type = Type::text;
  };
  std::string name;
  std::vector<Column> columns;
  bool counts = false;       // has an {id}
  std::int64_t last_id = 0;  // the last that was given out: never again for another row
};

// One database. All methods may be called from any thread and block; not from an I/O loop.
class Database {
 public:
  using Function = std::function<Result<void>(Tx&)>;

  virtual ~Database() = default;

  // Runs `function` in a writing transaction and commits it, or rolls it back when the function
  // gives an error, which is then returned. Writers may share one commit; a failing neighbour does
  // not disturb. The function may run more than once (serialisation retries of an engine): it has
  // no effect outside its Tx& but on variables it sets anew each time.
  virtual Result<void> write(Durability durability, const Function& function) = 0;

  // Runs `function` in a reading transaction: one consistent snapshot, that includes every write
  // that had returned before.
  virtual Result<void> read(const Function& function) = 0;

  // Brings the schema up to date, under a lock. Refuses (unsupported/kSchemaNewer) a database that
  // holds a migration this build does not know. SQLite: copies the file first when a migration is
  // due on a database that has data.
  virtual Result<void> migrate(std::span<const Migration> migrations) = 0;

  // Nothing, or why the database cannot serve now. For /health.
  virtual Result<void> ping() = 0;

  // Whether other processes change it too. Then what may change is not kept in memory without
  // Tx::changed, and what must be exact on the next request (a tag) not at all.
  [[nodiscard]] virtual bool is_shared() const = 0;

  // Calls `on_change` with each key of the topic that was changed; with "" when anything may have
  // been (notices were lost). Called on any thread; quick, and without using the database. Until
  // the handle is gone.
  [[nodiscard]] virtual std::shared_ptr<void> subscribe(
      std::string_view topic, std::function<void(std::string_view key)> on_change) = 0;

  // All tables, each after those that it refers to.
  virtual Result<std::vector<Table>> tables() = 0;
  // The next {id} of a table will be above `last_id`.
  virtual Result<void> set_last_id(Tx& tx, std::string_view table, std::int64_t last_id) = 0;
};

}  // namespace holdfast::db
