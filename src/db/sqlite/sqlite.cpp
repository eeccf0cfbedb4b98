#include "db/sqlite/sqlite.hpp"

#include <algorithm>
#include <condition_variable>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <mutex>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "db/changes.hpp"
#include "db/ddl.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/connection.hpp"

namespace holdfast::db::sqlite {

namespace {

constexpr Dialect kDialect{"INTEGER PRIMARY KEY AUTOINCREMENT", "INTEGER", "TEXT", "BLOB",
                           " STRICT"};

// Some errors (a full disk) make SQLite end the whole transaction: then all of it failed, whatever
// the function made of the error.
Error rolled_back(const Result<void>& outcome) {
  if (!outcome) return outcome.error();
  return fail(ErrorCode::unavailable, kDatabaseUnavailable, "the database rolled the change back");
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::string path, std::unique_ptr<Connection> writer)
      : path_(std::move(path)), writer_(std::move(writer)) {}

  Result<void> write(Durability durability, const Function& function) override;
  Result<void> read(const Function& function) override;
  Result<void> migrate(std::span<const Migration> migrations) override;
  Result<void> ping() override {
    return read(
        [](Tx& tx) { return tx.query("SELECT 1", {}, [](const Row&) { return Result<void>(); }); });
  }
  // The data folder is one process's own.
  [[nodiscard]] bool is_shared() const override { return false; }
  std::shared_ptr<void> subscribe(std::string_view topic,
                                  std::function<void(std::string_view)> on_change) override {
    return changes_.subscribe(topic, std::move(on_change));
  }
  Result<std::vector<Table>> tables() override;
  Result<void> set_last_id(Tx& tx, std::string_view table, std::int64_t last_id) override;

 private:
  // A writer that waits for its turn; lives on its caller's stack.
  struct Waiting {
    Durability durability;
    const Function& function;
    Result<void> outcome{};  // the leader's to write
    std::vector<Change> changes{};
    bool done = false;  // guarded by mutex_; then the outcome is there
  };

  void commit_group(const std::vector<Waiting*>& group);
  Result<void> run_in_savepoint(const Function& function);
  Result<void> copy_aside(std::size_t migrations_applied);

  const std::string path_;
  Changes changes_;

  std::mutex mutex_;  // guards queue_ and leading_
  std::condition_variable changed_;
  std::vector<Waiting*> queue_;
  bool leading_ = false;

  std::unique_ptr<Connection> writer_;  // used by the leader alone
  bool synchronous_full_ = true;        // of writer_

  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> readers_;  // idle ones
};

Result<void> SqliteDatabase::write(Durability durability, const Function& function) {
  Waiting mine{durability, function};
  std::unique_lock lock(mutex_);
  queue_.push_back(&mine);
  changed_.wait(lock, [&] { return mine.done || !leading_; });
  if (mine.done) return mine.outcome;
  leading_ = true;
  const std::vector<Waiting*> group = std::exchange(queue_, {});
  lock.unlock();
  commit_group(group);
  lock.lock();
  leading_ = false;
  for (Waiting* one : group) one->done = true;
  changed_.notify_all();
  return mine.outcome;
}

// The leader's work. Outcomes are read by their owners only after leading_ was cleared under
// mutex_.
void SqliteDatabase::commit_group(const std::vector<Waiting*>& group) {
  const auto run = [&]() -> Result<void> {
    const bool full = std::ranges::any_of(
        group, [](const Waiting* one) { return one->durability == Durability::full; });
    if (full != synchronous_full_) {
      HF_CHECK(writer_->run(full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
      synchronous_full_ = full;
    }
    HF_CHECK(writer_->run("BEGIN IMMEDIATE"));
    for (Waiting* one : group) {
      one->outcome = run_in_savepoint(one->function);
      std::vector<Change> changes = writer_->take_changes();
      if (one->outcome) one->changes = std::move(changes);
      if (!writer_->in_transaction()) return rolled_back(one->outcome);
    }
    return writer_->run("COMMIT");
  };
  const Result<void> committed = run();
  if (committed) {
    for (const Waiting* one : group) changes_.deliver(one->changes);
    return;
  }
  if (writer_->in_transaction()) (void)writer_->run("ROLLBACK");
  // Nothing of the group is stored: not even those whose function had gone well.
  for (Waiting* one : group) {
    if (one->outcome) one->outcome = committed.error();
  }
}

Result<void> SqliteDatabase::run_in_savepoint(const Function& function) {
  HF_CHECK(writer_->run("SAVEPOINT one"));
  Result<void> outcome;
  try {
    outcome = function(*writer_);
  } catch (const std::exception& bug) {
    outcome = fail(ErrorCode::internal, kSqlError,
                   fmt::format("exception in a transaction: {}", bug.what()));
  }
  if (!writer_->in_transaction()) return outcome;
  if (!outcome) HF_CHECK(writer_->run("ROLLBACK TO one"));
  HF_CHECK(writer_->run("RELEASE one"));
  return outcome;
}

Result<void> SqliteDatabase::read(const Function& function) {
  std::unique_ptr<Connection> reader;
  {
    const std::lock_guard lock(readers_mutex_);
    if (!readers_.empty()) {
      reader = std::move(readers_.back());
      readers_.pop_back();
    }
  }
  if (!reader) {
    HF_TRY(reader, Connection::open(path_));
    HF_CHECK(reader->run("PRAGMA query_only=ON"));
  }
  HF_CHECK(reader->run("BEGIN"));
  Result<void> outcome = function(*reader);
  // A connection whose transaction does not end is not used again.
  if (const Result<void> ended = reader->run("ROLLBACK"); ended) {
    const std::lock_guard lock(readers_mutex_);
    readers_.push_back(std::move(reader));
  }
  return outcome;
}

Result<void> SqliteDatabase::copy_aside(std::size_t migrations_applied) {
  const std::string copy = fmt::format("{}.before-{}", path_, migrations_applied + 1);
  std::error_code ignored;
  std::filesystem::remove(copy, ignored);  // of an earlier try that did not get further
  HF_CHECK(writer_->run(fmt::format("VACUUM INTO '{}'", copy)));
  const int file = ::open(copy.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!synced) return fail(ErrorCode::unavailable, kDatabaseUnavailable, "cannot sync " + copy);
  return {};
}

Result<void> SqliteDatabase::migrate(std::span<const Migration> migrations) {
  HF_CHECK(writer_->run(render_ddl(kMigrationsTable, kDialect).front()));
  std::vector<Migration> due;
  std::size_t applied = 0;
  HF_CHECK(read([&](Tx& tx) -> Result<void> {
    HF_TRY(due, due_migrations(tx, migrations, applied));
    return {};
  }));
  if (due.empty()) return {};
  if (applied > 0) HF_CHECK(copy_aside(applied));
  return write(Durability::full, [&](Tx& tx) { return apply_migrations(tx, due, kDialect); });
}

Result<std::vector<Table>> SqliteDatabase::tables() {
  std::vector<Table> tables;
  HF_CHECK(read([&](Tx& tx) -> Result<void> {
    tables.clear();
    // In the order of their making: a table refers only to older ones.
    HF_CHECK(tx.query(
        "SELECT m.name, m.sql LIKE '%AUTOINCREMENT%', coalesce(s.seq, 0) FROM sqlite_master m "
        "LEFT JOIN sqlite_sequence s ON s.name = m.name "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.rowid",
        {}, [&](const Row& row) -> Result<void> {
          tables.push_back({row.string(0), {}, row.boolean(1), row.integer(2)});
          return {};
        }));
    for (Table& table : tables) {
      HF_CHECK(tx.query("SELECT name, type FROM pragma_table_info($1)", {table.name},
                        [&](const Row& row) -> Result<void> {
                          Table::Type type = Table::Type::text;
                          if (row.text(1) == "INTEGER") type = Table::Type::integer;
                          if (row.text(1) == "BLOB") type = Table::Type::bytes;
                          table.columns.push_back({row.string(0), type});
                          return {};
                        }));
    }
    return {};
  }));
  return tables;
}

Result<void> SqliteDatabase::set_last_id(Tx& tx, std::string_view table, std::int64_t last_id) {
  HF_CHECK(tx.execute("DELETE FROM sqlite_sequence WHERE name = $1", {table}));
  HF_CHECK(tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", {table, last_id}));
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> open(const std::string& path) {
  // Made here, so that nobody else can read it even for a moment.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return fail(ErrorCode::unavailable, kDatabaseUnavailable,
                fmt::format("cannot open the database {}: {}", path,
                            std::generic_category().message(errno)));
  }
  ::close(file);
  HF_TRY(std::unique_ptr<Connection> writer, Connection::open(path));
  return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(path, std::move(writer)));
}

}  // namespace holdfast::db::sqlite
