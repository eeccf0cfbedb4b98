// One connection to PostgreSQL: statements prepared once, deadlines, errors in our words. It stays
// in libpq's pipeline mode, so what needs no answer of its own travels with what does: BEGIN and a
// Parse with the first statement, a ROLLBACK without anybody waiting.
#pragma once

#include <chrono>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/changes.hpp"
#include "db/database.hpp"
#include "db/statements.hpp"

namespace holdfast::db::postgres {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

// Used by one thread at a time.
class Connection final : public Tx {
 public:
  // `url` as libpq takes it ("postgresql://user@host/db?sslmode=verify-full"). No statement may
  // take longer than `deadline`; one that does breaks the connection.
  static Result<std::unique_ptr<Connection>> open(const std::string& url,
                                                  std::chrono::milliseconds deadline);
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

  // Begins a transaction and forgets what the one before had said. `statements` begin it; they are
  // sent with the first that follows, so an error of theirs is an error of that one.
  void begin(std::span<const char* const> statements);
  // One statement without parameters.
  Result<void> run(const char* sql);
  // Tells `notices` (payloads of `channel`), commits, and gives what COMMIT answered: after an
  // error inside the transaction it is "ROLLBACK", without an error.
  Result<std::string> commit(const char* channel, std::span<const std::string> notices);
  // Gives the transaction up, without waiting for it.
  void roll_back();

  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  // A statement of this transaction met a concurrent one: run it again from its beginning.
  [[nodiscard]] bool must_retry() const { return must_retry_; }
  // Whether the server has answered in this transaction.
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  // Not to be used any more.
  [[nodiscard]] bool broken() const { return broken_ || PQstatus(handle_) != CONNECTION_OK; }
  [[nodiscard]] PGconn* handle() const { return handle_; }
  void set_deadline(std::chrono::milliseconds deadline) { deadline_ = deadline; }

 private:
  Connection(PGconn* handle, std::chrono::milliseconds deadline)
      : handle_(handle), deadline_(deadline) {}
  // Puts a statement into the pipeline.
  Result<void> put(const char* sql);
  Result<void> put_beginning();
  Result<void> put_prepared(std::string_view sql, std::span<const Value> values);
  // Sends what was put, and takes all answers but those of the last.
  Result<void> send();
  // Takes the answer to a ROLLBACK that nobody waited for.
  Result<void> settle();
  // The next result of the statement that is being answered; null when it has no more.
  Result<ResultPtr> next();
  // Takes a statement's results; gives the first error, or the last result.
  Result<ResultPtr> finish();
  // As finish(), for the last of what was sent.
  Result<ResultPtr> finish_last();
  // Takes the mark that ends what was sent.
  Result<void> take_mark();
  Error error_of(const PGresult* result, std::string_view sql);
  Error lost();

  PGconn* handle_;
  std::chrono::milliseconds deadline_;
  bool broken_ = false;
  bool must_retry_ = false;
  bool has_begun_ = false;
  bool busy_ = false;                   // rows of a query are still coming
  bool owes_answer_ = false;            // of a ROLLBACK
  int put_ = 0;                         // statements put and not yet answered
  std::vector<const char*> waiting_;    // what begins the transaction
  unsigned names_ = 0;                  // given out; never twice
  std::vector<std::string> parsing_;    // in statements_, not known to stand yet
  Statements<std::string> statements_;  // the names on the server
  std::vector<Change> changes_;
};

}  // namespace holdfast::db::postgres
