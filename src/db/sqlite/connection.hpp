// One SQLite connection: statements remembered by their text, errors in our words.
#pragma once

#include <memory>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/changes.hpp"
#include "db/database.hpp"
#include "db/statements.hpp"

namespace holdfast::db::sqlite {

// Used by one thread at a time.
class Connection final : public Tx {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  using Tx::execute;
  using Tx::query;
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> values) override;
  Result<void> query(std::string_view sql, std::span<const Value> values,
                     const Each& each) override;
  void changed(std::string_view topic, std::string_view key) override {
    changes_.push_back({std::string(topic), std::string(key)});
  }
  // What was said to have changed since the last call.
  std::vector<Change> take_changes() { return std::exchange(changes_, {}); }

  // Statements without parameters that are not remembered: BEGIN, PRAGMA, DDL.
  Result<void> run(const std::string& sql);
  // Whether a transaction is open: some errors (a full disk) make SQLite roll it back by itself.
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> prepare(std::string_view sql, std::span<const Value> values);
  [[nodiscard]] Error error_of(std::string_view sql) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;

  sqlite3* handle_;
  Statements<StatementPtr> statements_;
  std::vector<Change> changes_;
};

}  // namespace holdfast::db::sqlite
