// One connection to PostgreSQL: statements prepared once, deadlines, errors in our words.
#pragma once

#include <chrono>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "db/changes.hpp"
#include "db/database.hpp"

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

  // Begins a transaction: forgets what the one before had said.
  Result<void> begin(const char* sql);
  // One or more statements without parameters.
  Result<void> run(const char* sql);
  // As run(), and gives what COMMIT answered: after an error inside the transaction it is
  // "ROLLBACK", without an error.
  Result<std::string> commit();

  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  // A statement of this transaction met a concurrent one: run it again from its beginning.
  [[nodiscard]] bool must_retry() const { return must_retry_; }
  // Not to be used any more.
  [[nodiscard]] bool broken() const { return broken_ || PQstatus(handle_) != CONNECTION_OK; }
  [[nodiscard]] PGconn* handle() const { return handle_; }
  void set_deadline(std::chrono::milliseconds deadline) { deadline_ = deadline; }

 private:
  Connection(PGconn* handle, std::chrono::milliseconds deadline)
      : handle_(handle), deadline_(deadline) {}
  Result<std::string> prepare(std::string_view sql, std::span<const Value> values);
  Result<void> send(std::string_view sql, std::span<const Value> values);
  // The next result of what was sent; null when there is no more.
  Result<ResultPtr> next();
  // Takes all results of what was sent; gives the first error, or the last result.
  Result<ResultPtr> finish();
  Error error_of(const PGresult* result, std::string_view sql);
  Error lost();

  PGconn* handle_;
  std::chrono::milliseconds deadline_;
  bool broken_ = false;
  bool must_retry_ = false;
  bool busy_ = false;                                        // rows of a query are still coming
  std::unordered_map<std::string, std::string> statements_;  // by SQL: its name on the server
  std::vector<Change> changes_;
};

}  // namespace holdfast::db::postgres
