#include "db/postgres/connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <poll.h>

namespace holdfast::db::postgres {

namespace {

// Types of parameters and results, from PostgreSQL's catalog (pg_type.dat): fixed for ever.
constexpr Oid kInt8 = 20;
constexpr Oid kText = 25;
constexpr Oid kBytea = 17;

constexpr int kBinary = 1;

// A row in binary format: integers are big-endian of their width, booleans one byte.
class ResultRow final : public Row {
 public:
  explicit ResultRow(const PGresult* result) : result_(result) {}
  [[nodiscard]] bool is_null(int column) const override {
    return PQgetisnull(result_, 0, column) != 0;
  }
  [[nodiscard]] std::int64_t integer(int column) const override {
    const auto raw = bytes(column);
    if (raw.empty()) return 0;
    // The sign comes from the first byte of int2, int4 and int8; a bool has none.
    std::uint64_t value =
        raw.size() > 1 && (std::to_integer<unsigned>(raw.front()) & 0x80U) != 0 ? ~0ULL : 0ULL;
    for (const std::byte byte : raw) value = value << 8U | std::to_integer<std::uint64_t>(byte);
    return static_cast<std::int64_t>(value);
  }
  [[nodiscard]] std::string_view text(int column) const override {
    return {PQgetvalue(result_, 0, column), length(column)};
  }
  [[nodiscard]] std::span<const std::byte> bytes(int column) const override {
    return {reinterpret_cast<const std::byte*>(PQgetvalue(result_, 0, column)), length(column)};
  }

 private:
  [[nodiscard]] std::size_t length(int column) const {
    return static_cast<std::size_t>(PQgetlength(result_, 0, column));
  }
  const PGresult* result_;
};

Oid type_of(const Value& value) {
  if (std::holds_alternative<std::int64_t>(value)) return kInt8;
  if (std::holds_alternative<std::string_view>(value)) return kText;
  if (std::holds_alternative<std::span<const std::byte>>(value)) return kBytea;
  return 0;  // NULL: the server finds out
}

// The parameters of one call in libpq's form: all binary, so that nothing is quoted or copied.
class Parameters {
 public:
  explicit Parameters(std::span<const Value> values)
      : numbers_(values.size()),
        data_(values.size()),
        lengths_(values.size()),
        formats_(values.size(), kBinary) {
    for (std::size_t i = 0; i < values.size(); ++i) put(i, values[i]);
  }
  [[nodiscard]] int count() const { return static_cast<int>(data_.size()); }
  [[nodiscard]] const char* const* data() const { return data_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }

 private:
  void put(std::size_t i, const Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      auto rest = static_cast<std::uint64_t>(*number);
      for (std::size_t at = 8; at-- > 0; rest >>= 8U) {
        numbers_[i][at] = static_cast<char>(rest & 0xffU);
      }
      data_[i] = numbers_[i].data();
      lengths_[i] = 8;
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      // A null pointer would be NULL.
      data_[i] = text->empty() ? "" : text->data();
      lengths_[i] = static_cast<int>(text->size());
    } else if (const auto* bytes = std::get_if<std::span<const std::byte>>(&value)) {
      data_[i] = bytes->empty() ? "" : reinterpret_cast<const char*>(bytes->data());
      lengths_[i] = static_cast<int>(bytes->size());
    }
  }
  std::vector<std::array<char, 8>> numbers_;
  std::vector<const char*> data_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

std::string first_line(const char* message) {
  std::string text(message == nullptr ? "" : message);
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

Error unavailable(std::string_view why) {
  return fail(ErrorCode::unavailable, kDatabaseUnavailable,
              fmt::format("the database cannot be used: {}", why));
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& url,
                                                     std::chrono::milliseconds deadline) {
  // What comes before "dbname" are defaults, which the URL may set anew.
  const std::array<const char*, 9> names = {"connect_timeout",
                                            "application_name",
                                            "keepalives_idle",
                                            "keepalives_interval",
                                            "keepalives_count",
                                            "tcp_user_timeout",
                                            "dbname",
                                            "client_encoding",
                                            nullptr};
  const std::array<const char*, 9> values = {"5",     "holdfast",  "10",   "5",    "3",
                                             "15000", url.c_str(), "UTF8", nullptr};
  PGconn* handle = PQconnectdbParams(names.data(), values.data(), 1);
  auto connection = std::unique_ptr<Connection>(new Connection(handle, deadline));
  // What matters is in the results; libpq would print the rest.
  PQsetNoticeProcessor(handle, [](void*, const char*) {}, nullptr);
  if (PQstatus(handle) != CONNECTION_OK) {
    return unavailable(first_line(PQerrorMessage(handle)));
  }
  const char* encoding = PQparameterStatus(handle, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    return fail(ErrorCode::unsupported, kDatabaseUnavailable,
                "the database's encoding is not UTF8: create it with "
                "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0");
  }
  if (PQenterPipelineMode(handle) == 0) return connection->lost();
  HF_CHECK(connection->run(fmt::format("SET statement_timeout = {}", deadline.count()).c_str()));
  // Every statement goes through an index and says so by its order, whatever its parameters are.
  // Left to itself PostgreSQL plans those with a LIMIT anew each time, which is most of their cost.
  HF_CHECK(connection->run("SET plan_cache_mode = force_generic_plan"));
  HF_CHECK(connection->run(
      fmt::format("SET idle_in_transaction_session_timeout = {}", 4 * deadline.count()).c_str()));
  return connection;
}

Connection::~Connection() { PQfinish(handle_); }

void Connection::begin(std::span<const char* const> statements) {
  changes_.clear();
  must_retry_ = false;
  has_begun_ = false;
  waiting_.assign(statements.begin(), statements.end());
}

Result<void> Connection::run(const char* sql) {
  HF_CHECK(put(sql));
  HF_CHECK(send());
  HF_TRY(const ResultPtr last, finish_last());
  return {};
}

Result<std::string> Connection::commit(const char* channel, std::span<const std::string> notices) {
  if (!waiting_.empty() && notices.empty()) {  // no statement ran, so nothing had begun
    waiting_.clear();
    return std::string("COMMIT");
  }
  for (const std::string& notice : notices) {
    HF_CHECK(put_prepared("SELECT pg_notify($1, $2)", std::array<Value, 2>{channel, notice}));
  }
  HF_CHECK(put("COMMIT"));
  HF_CHECK(send());
  HF_TRY(const ResultPtr last, finish_last());
  return std::string(PQcmdStatus(last.get()));
}

void Connection::roll_back() {
  if (!waiting_.empty()) {
    waiting_.clear();
    return;
  }
  if (broken()) return;
  if (!put("ROLLBACK") || PQpipelineSync(handle_) == 0) {
    broken_ = true;
    return;
  }
  owes_answer_ = true;
}

Result<void> Connection::put_beginning() {
  for (const char* sql : std::exchange(waiting_, {})) HF_CHECK(put(sql));
  return {};
}

Result<void> Connection::settle() {
  if (!std::exchange(owes_answer_, false)) return {};
  put_ = 0;
  HF_TRY(const ResultPtr last, finish_last());
  has_begun_ = false;
  return {};
}

Result<void> Connection::put(const char* sql) {
  HF_CHECK(settle());
  HF_CHECK(put_beginning());
  if (PQsendQueryParams(handle_, sql, 0, nullptr, nullptr, nullptr, nullptr, kBinary) == 0) {
    return lost();
  }
  ++put_;
  return {};
}

Result<void> Connection::put_prepared(std::string_view sql, std::span<const Value> values) {
  if (busy_) {
    return fail(ErrorCode::internal, kSqlError,
                fmt::format("a statement inside the rows of another: {}", sql));
  }
  HF_CHECK(settle());
  HF_CHECK(put_beginning());
  const std::string* known = statements_.find(sql);
  if (known == nullptr) {
    const std::string text(sql);
    std::vector<Oid> types;
    for (const Value& value : values) types.push_back(type_of(value));
    std::string name = fmt::format("s{}", names_++);
    if (PQsendPrepare(handle_, name.c_str(), text.c_str(), static_cast<int>(types.size()),
                      types.data()) == 0) {
      return lost();
    }
    ++put_;
    parsing_.push_back(text);
    // Should this transaction fail before it, the server keeps the old one: names are not used
    // again.
    if (const auto gone = statements_.insert(text, std::move(name))) {
      HF_CHECK(put(fmt::format("DEALLOCATE {}", *gone).c_str()));
    }
    known = statements_.find(sql);
  }
  const Parameters parameters(values);
  if (PQsendQueryPrepared(handle_, known->c_str(), parameters.count(), parameters.data(),
                          parameters.lengths(), parameters.formats(), kBinary) == 0) {
    return lost();
  }
  ++put_;
  return {};
}

Result<void> Connection::send() {
  if (PQpipelineSync(handle_) == 0) return lost();
  std::optional<Error> problem;
  for (; put_ > 1; --put_) {
    auto ahead = finish();
    if (broken()) return ahead ? lost() : ahead.error();
    if (!ahead && !problem) problem = ahead.error();
  }
  put_ = 0;
  if (problem) {
    // The server skipped the rest.
    for (const std::string& text : parsing_) statements_.erase(text);
    parsing_.clear();
    (void)finish_last();
    return *std::move(problem);
  }
  parsing_.clear();
  return {};
}

Result<std::int64_t> Connection::execute(std::string_view sql, std::span<const Value> values) {
  HF_CHECK(put_prepared(sql, values));
  HF_CHECK(send());
  HF_TRY(const ResultPtr last, finish_last());
  const std::string_view count = PQcmdTuples(last.get());
  std::int64_t changed = 0;
  std::from_chars(count.data(), count.data() + count.size(), changed);
  return changed;
}

Result<void> Connection::query(std::string_view sql, std::span<const Value> values,
                               const Each& each) {
  HF_CHECK(put_prepared(sql, values));
  HF_CHECK(send());
  if (PQsetSingleRowMode(handle_) == 0) return lost();  // rows would be passed over
  Result<void> outcome;
  busy_ = true;
  while (true) {
    auto got = next();
    if (!got) {
      busy_ = false;
      return got.error();
    }
    if (!*got) break;
    if (!outcome) continue;  // what is left after an error
    const ExecStatusType status = PQresultStatus(got->get());
    if (status == PGRES_SINGLE_TUPLE) {
      outcome = each(ResultRow(got->get()));
    } else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      outcome = error_of(got->get(), sql);
    }
  }
  busy_ = false;
  if (broken() && !outcome) return outcome;
  HF_CHECK(take_mark());
  return outcome;
}

Result<ResultPtr> Connection::next() {
  const auto until = std::chrono::steady_clock::now() + deadline_;
  while (PQisBusy(handle_) != 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd wait{PQsocket(handle_), POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left.count()) + 1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      broken_ = true;  // its answer may come at any time
      return unavailable("it did not answer in time");
    }
    if (PQconsumeInput(handle_) == 0) return lost();
  }
  return ResultPtr(PQgetResult(handle_));
}

Result<ResultPtr> Connection::finish() {
  ResultPtr last;
  std::optional<Error> problem;
  while (true) {
    HF_TRY(ResultPtr got, next());
    if (!got) break;
    const ExecStatusType status = PQresultStatus(got.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && !problem) {
      problem = error_of(got.get(), "");
    }
    last = std::move(got);
  }
  if (problem) return *std::move(problem);
  if (!last) return lost();
  has_begun_ = true;
  return last;
}

Result<ResultPtr> Connection::finish_last() {
  Result<ResultPtr> outcome = finish();
  if (broken() && !outcome) return outcome;
  HF_CHECK(take_mark());
  return outcome;
}

Result<void> Connection::take_mark() {
  HF_TRY(const ResultPtr mark, next());
  if (!mark || PQresultStatus(mark.get()) != PGRES_PIPELINE_SYNC) return lost();
  return {};
}

Error Connection::lost() {
  broken_ = true;
  return unavailable(first_line(PQerrorMessage(handle_)));
}

// Codes: PostgreSQL's manual, appendix A.
Error Connection::error_of(const PGresult* result, std::string_view sql) {
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = field == nullptr ? "" : field;
  const std::string text = first_line(PQresultErrorMessage(result));
  if (state == "40001" || state == "40P01") {  // serialization failure, deadlock
    must_retry_ = true;
    return fail(ErrorCode::conflict, kConstraint, text);
  }
  if (state == "23505") return fail(ErrorCode::already_exists, kUniqueViolation, text);
  if (state.starts_with("23")) return fail(ErrorCode::conflict, kConstraint, text);
  if (state == "22021" || state == "22P05") {  // not in UTF-8, or NUL
    return fail(ErrorCode::invalid, kTextInvalid, "text must be UTF-8 without NUL");
  }
  if (state == "53100") {
    return fail(ErrorCode::no_space, kDatabaseFull, "no space is left for the database");
  }
  if (state.starts_with("XX")) {
    return fail(ErrorCode::corrupt, kDatabaseBroken,
                fmt::format("the database is broken: {}", text));
  }
  // Connection, resources, read-only, cancelled by its timeout, shutting down, system error.
  if (state.empty() || state.starts_with("08") || state.starts_with("53") || state == "25006" ||
      state.starts_with("57") || state.starts_with("58") || state == "25P03") {
    if (state.starts_with("08") || state.starts_with("57P") || state == "25P03") broken_ = true;
    return unavailable(text);
  }
  return fail(ErrorCode::internal, kSqlError,
              sql.empty() ? text : fmt::format("{}: {}", text, sql));
}

}  // namespace holdfast::db::postgres
