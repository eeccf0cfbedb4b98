#include "db/sqlite/sqlite.hpp"

#include <algorithm>
#include <condition_variable>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "db/ddl.hpp"
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

 private:
  // A writer that waits for its turn; lives on its caller's stack.
  struct Waiting {
    Durability durability;
    const Function& function;
    Result<void> outcome{};  // the leader's to write
    bool done = false;       // guarded by mutex_; then the outcome is there
  };

  void commit_group(const std::vector<Waiting*>& group);
  Result<void> run_in_savepoint(const Function& function);
  Result<void> copy_aside(std::size_t migrations_applied);

  const std::string path_;

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
      if (!writer_->in_transaction()) return rolled_back(one->outcome);
    }
    return writer_->run("COMMIT");
  };
  const Result<void> committed = run();
  if (committed) return;
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
  HF_CHECK(
      writer_->run("CREATE TABLE IF NOT EXISTS schema_migrations "
                   "(name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT"));
  std::set<std::string> applied;
  HF_CHECK(read([&](Tx& tx) {
    return tx.query("SELECT name FROM schema_migrations", {}, [&](const Row& row) -> Result<void> {
      applied.insert(row.string(0));
      return {};
    });
  }));
  std::set<std::string_view> known;
  std::vector<const Migration*> due;
  for (const Migration& migration : migrations) {
    known.insert(migration.name);
    if (!applied.contains(std::string(migration.name))) due.push_back(&migration);
  }
  for (const std::string& name : applied) {
    if (known.contains(name)) continue;
    return fail(ErrorCode::unsupported, kSchemaNewer,
                fmt::format("the database was used by a newer Holdfast (it holds \"{}\"): run that "
                            "version or a later one",
                            name));
  }
  if (due.empty()) return {};
  if (!applied.empty()) HF_CHECK(copy_aside(applied.size()));
  return write(Durability::full, [&](Tx& tx) -> Result<void> {
    for (const Migration* migration : due) {
      for (const std::string& statement : render_ddl(migration->ddl, kDialect)) {
        HF_CHECK(tx.execute(statement, {}));
      }
      HF_CHECK(tx.execute("INSERT INTO schema_migrations (name, applied_at) VALUES ($1, $2)",
                          {migration->name, to_micros(SystemClock().now())}));
    }
    return {};
  });
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
