// SQLite for a file that is written once and then only read: the format of an advisory database on
// every engine. The server's own database is another thing (db/sqlite).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::advisories {

// A name by which SQLite opens a file that nobody changes; `path` is taken literally.
std::string immutable_uri(std::string_view path);

// Prepared by File::prepare(); nothing may be done with one that is not.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

  // Numbered from 1. A text must live until the next reset.
  Statement& bind(int place, std::string_view text);
  Statement& bind(int place, std::int64_t number);
  Statement& bind_null(int place);
  // The next row; false at the end, where it is ready to be bound anew.
  Result<bool> step();
  // Runs it to its end.
  Result<void> run();
  void reset();

  // Columns from 0; views live until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class File {
 public:
  // A new one, without a journal and without syncs: it is synced as a whole once it is done.
  static Result<std::unique_ptr<File>> create(const std::string& path);
  // One that nobody writes any more.
  static Result<std::unique_ptr<File>> open(const std::string& path);

  Result<void> run(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  [[nodiscard]] std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  static Result<std::unique_ptr<File>> open(const std::string& path, int flags);

  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace holdfast::advisories
