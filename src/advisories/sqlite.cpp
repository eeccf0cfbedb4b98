#include "advisories/sqlite.hpp"

#include <fmt/format.h>
#include <utility>

#include "advisories/database.hpp"

namespace holdfast::advisories {

namespace {

Error problem(sqlite3* handle) {
  const int code = sqlite3_errcode(handle) & 0xff;
  const ErrorCode kind = code == SQLITE_FULL                               ? ErrorCode::no_space
                         : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ErrorCode::corrupt
                                                                           : ErrorCode::unavailable;
  return fail(kind, kAdvisoriesBroken,
              fmt::format("the advisory database: {}", sqlite3_errmsg(handle)));
}

}  // namespace

std::string immutable_uri(std::string_view path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (std::string_view("%?#").contains(c)) {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  uri += "?immutable=1";
  return uri;
}

Statement& Statement::bind(int place, std::string_view text) {
  sqlite3_bind_text(handle_.get(), place, text.data() == nullptr ? "" : text.data(),
                    static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(int place, std::int64_t number) {
  sqlite3_bind_int64(handle_.get(), place, number);
  return *this;
}

Statement& Statement::bind_null(int place) {
  sqlite3_bind_null(handle_.get(), place);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  Error error;
  if (code != SQLITE_DONE) error = problem(sqlite3_db_handle(handle_.get()));
  reset();
  if (code == SQLITE_DONE) return false;
  return error;
}

Result<void> Statement::run() {
  for (bool more = true; more;) {
    HF_TRY(more, step());
  }
  return {};
}

void Statement::reset() { sqlite3_reset(handle_.get()); }

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

Result<std::unique_ptr<File>> File::open(const std::string& path, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
  auto file = std::make_unique<File>();
  file->handle_.reset(handle);
  if (code == SQLITE_OK) return file;
  if (handle != nullptr) return problem(handle);
  return fail(ErrorCode::unavailable, kAdvisoriesBroken, "there is no memory for SQLite");
}

Result<std::unique_ptr<File>> File::create(const std::string& path) {
  HF_TRY(auto file, open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  HF_CHECK(
      file->run("PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -32768;"
                "PRAGMA temp_store = MEMORY"));
  return file;
}

Result<std::unique_ptr<File>> File::open(const std::string& path) {
  // Nobody changes it, so nothing is locked and nothing looked for beside it.
  HF_TRY(auto file, open(immutable_uri(path), SQLITE_OPEN_READONLY));
  HF_CHECK(file->run("PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -4096"));
  return file;
}

Result<void> File::run(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return problem(handle_.get());
}

Result<Statement> File::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return problem(handle_.get());
  }
  return Statement(statement);
}

}  // namespace holdfast::advisories
