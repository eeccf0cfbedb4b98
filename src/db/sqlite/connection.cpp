#include "db/sqlite/connection.hpp"

#include <fmt/format.h>

namespace holdfast::db::sqlite {

namespace {

class StatementRow final : public Row {
 public:
  explicit StatementRow(sqlite3_stmt* statement) : statement_(statement) {}
  [[nodiscard]] bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::int64_t integer(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] std::string_view text(int column) const override {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  [[nodiscard]] std::span<const std::byte> bytes(int column) const override {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_;
};

// SQLITE_STATIC: the values outlive the step, since the caller's list does.
int bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    // A null pointer would bind NULL.
    return sqlite3_bind_text64(statement, index, text->empty() ? "" : text->data(), text->size(),
                               SQLITE_STATIC, SQLITE_UTF8);
  }
  if (const auto* bytes = std::get_if<std::span<const std::byte>>(&value)) {
    if (bytes->empty()) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, bytes->data(), bytes->size(), SQLITE_STATIC);
  }
  return sqlite3_bind_null(statement, index);
}

// Gives the statement back unbound, whatever happens.
class Use {
 public:
  explicit Use(sqlite3_stmt* statement) : statement_(statement) {}
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto connection = std::unique_ptr<Connection>(new Connection(handle));
  if (code != SQLITE_OK) {
    return fail(ErrorCode::unavailable, kDatabaseUnavailable,
                fmt::format("cannot open the database {}: {}", path, sqlite3_errstr(code)));
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 10'000);
  for (const char* pragma :
       {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
        "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-8192"}) {
    HF_CHECK(connection->run(pragma));
  }
  return connection;
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close_v2(handle_);
}

Result<void> Connection::run(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return error_of(sql);
  }
  return {};
}

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql, std::span<const Value> values) {
  const StatementPtr* found = statements_.find(sql);
  if (found == nullptr) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &made, nullptr) != SQLITE_OK) {
      return error_of(sql);
    }
    statements_.insert(sql, StatementPtr(made));
    found = statements_.find(sql);
  }
  sqlite3_stmt* statement = found->get();
  int number = 0;
  for (const Value& value : values) {
    const int index = sqlite3_bind_parameter_index(statement, fmt::format("${}", ++number).c_str());
    if (index == 0) {
      return fail(ErrorCode::internal, kSqlError, fmt::format("${} is not in: {}", number, sql));
    }
    if (bind(statement, index, value) != SQLITE_OK) return error_of(sql);
  }
  if (sqlite3_bind_parameter_count(statement) != number) {
    return fail(ErrorCode::internal, kSqlError, fmt::format("a value is missing for: {}", sql));
  }
  return statement;
}

Result<std::int64_t> Connection::execute(std::string_view sql, std::span<const Value> values) {
  HF_TRY(sqlite3_stmt* const statement, prepare(sql, values));
  const Use use(statement);
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  if (code != SQLITE_DONE) return error_of(sql);
  return sqlite3_changes64(handle_);
}

Result<void> Connection::query(std::string_view sql, std::span<const Value> values,
                               const Each& each) {
  HF_TRY(sqlite3_stmt* const statement, prepare(sql, values));
  const Use use(statement);
  const StatementRow row(statement);
  while (true) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return error_of(sql);
    HF_CHECK(each(row));
  }
}

Error Connection::error_of(std::string_view sql) const {
  const int code = sqlite3_extended_errcode(handle_);
  const std::string text = sqlite3_errmsg(handle_);
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return fail(ErrorCode::already_exists, kUniqueViolation, text);
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return fail(ErrorCode::conflict, kConstraint, text);
    case SQLITE_FULL:
      return fail(ErrorCode::no_space, kDatabaseFull, "no space is left for the database");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(ErrorCode::corrupt, kDatabaseBroken,
                  fmt::format("the database is broken: {}", text));
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return fail(ErrorCode::unavailable, kDatabaseUnavailable,
                  fmt::format("the database cannot be used: {}", text));
    default:
      return fail(ErrorCode::internal, kSqlError, fmt::format("{}: {}", text, sql));
  }
}

}  // namespace holdfast::db::sqlite
