// One SQLite connection: statements remembered by their text, errors in our words.
#pragma once

#include <memory>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <unordered_map>

#include "db/database.hpp"

namespace holdfast::db::sqlite {

// Used by one thread at a time.
class Connection final : public Tx {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values) override;
  Result<void> query(std::string_view sql, std::initializer_list<Value> values,
                     const std::function<Result<void>(const Row&)>& each) override;

  // Statements without parameters that are not remembered: BEGIN, PRAGMA, DDL.
  Result<void> run(const std::string& sql);
  // Whether a transaction is open: some errors (a full disk) make SQLite roll it back by itself.
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> prepare(std::string_view sql, std::initializer_list<Value> values);
  [[nodiscard]] Error error_of(std::string_view sql) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;

  sqlite3* handle_;
  std::unordered_map<std::string, StatementPtr> statements_;
};

}  // namespace holdfast::db::sqlite
