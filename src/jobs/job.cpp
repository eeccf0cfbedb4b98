#include "jobs/job.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <utility>

#include "codec/json.hpp"
#include "codec/text.hpp"
#include "jobs/rows.hpp"
#include "settings/values.hpp"

namespace holdfast::jobs {

namespace {

// Indexes of open jobs hold only those: a history of many thousands costs the runners nothing.
constexpr db::Migration kMigrations[] = {
    {"jobs/0001-jobs", R"(CREATE TABLE jobs (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        retry_from {text} NOT NULL,
        worker {text} NOT NULL,
        incarnation {text} NOT NULL,
        state {int} NOT NULL,
        status {text} NOT NULL,
        action {text} NOT NULL,
        parameters {text} NOT NULL,
        fingerprint {int} NOT NULL,
        capacity {text} NOT NULL,
        deadline {text} NOT NULL,
        stop_timeout {text} NOT NULL,
        retries_left {int} NOT NULL,
        retries_total {int} NOT NULL,
        deaths {int} NOT NULL,
        scheduled_at {int} NOT NULL,
        updated_at {int} NOT NULL);
      CREATE INDEX jobs_action ON jobs (action, id);
      CREATE INDEX jobs_worker ON jobs (worker, id);
      CREATE INDEX jobs_due ON jobs (action, scheduled_at, id) WHERE state = 0;
      CREATE INDEX jobs_due_any ON jobs (scheduled_at) WHERE state = 0;
      CREATE INDEX jobs_same ON jobs (fingerprint) WHERE state = 0;
      CREATE INDEX jobs_running ON jobs (id) WHERE state = 1;
      CREATE INDEX jobs_over ON jobs (updated_at, id) WHERE state = 2;
      CREATE INDEX jobs_outcome ON jobs (action, status, updated_at) WHERE state = 2;
      CREATE TABLE job_logs (
        job_id {int} NOT NULL,
        number {int} NOT NULL,
        data {text} NOT NULL,
        PRIMARY KEY (job_id, number));
      CREATE TABLE crons (
        action {text} NOT NULL PRIMARY KEY,
        uuid {text} NOT NULL,
        schedule {text} NOT NULL,
        parameters {text} NOT NULL,
        capacity {text} NOT NULL,
        deadline {text} NOT NULL,
        stop_timeout {text} NOT NULL,
        retries {int} NOT NULL,
        next_run {int} NOT NULL);
      CREATE INDEX crons_next_run ON crons (next_run);
      CREATE TABLE crons_installed (
        action {text} NOT NULL PRIMARY KEY);
      CREATE TABLE action_configs (
        action {text} NOT NULL PRIMARY KEY,
        uuid {text} NOT NULL,
        parameters {text} NOT NULL);
      CREATE TABLE job_workers (
        id {text} NOT NULL PRIMARY KEY,
        incarnation {text} NOT NULL,
        address {text} NOT NULL,
        capacity {text} NOT NULL,
        is_stopped {int} NOT NULL,
        heartbeat_ends {int} NOT NULL))"},
};

constexpr std::array<std::pair<Status, std::string_view>, 9> kNames = {{
    {Status::waiting, "waiting"},
    {Status::running, "running"},
    {Status::done, "done"},
    {Status::error, "error"},
    {Status::cancel_request, "cancel_request"},
    {Status::cancel, "cancel"},
    {Status::worker_dead, "worker_dead"},
    {Status::worker_shutdown, "worker_shutdown"},
    {Status::worker_resurrection, "worker_resurrection"},
}};

Status status_in(std::string_view text) {
  for (const auto& [status, word] : kNames) {
    if (word == text) return status;
  }
  return Status::error;
}

Error invalid(std::string message) {
  return fail(ErrorCode::invalid, kJobInvalid, std::move(message));
}

std::string duration_text(std::chrono::seconds duration) {
  return duration.count() == 0 ? std::string() : fmt::format("{}s", duration.count());
}

Result<void> check_duration(std::string_view name, std::string_view text) {
  if (settings::duration_of(text)) return {};
  return invalid(
      fmt::format("\"{}\" must be a duration such as \"1h30m\", not \"{}\"", name, text));
}

Result<void> check_parameters(const boost::json::object& parameters) {
  constexpr std::size_t kBytesAtMost = 64UZ << 10U;
  const std::string text = text_of(parameters);
  if (text.size() > kBytesAtMost) {
    return invalid(fmt::format("\"parameters\" must be at most {} bytes of JSON", kBytesAtMost));
  }
  // A NUL is written as an escape, which tables take; those who read the parameters may not.
  if (text.find("\\u0000") == std::string::npos) return {};
  return invalid("\"parameters\" must not hold a NUL");
}

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

std::string_view name(Status status) {
  for (const auto& [known, word] : kNames) {
    if (known == status) return word;
  }
  return "unknown";
}

std::int64_t state_of(Status status) {
  switch (status) {
    case Status::waiting:
      return kStateWaiting;
    case Status::running:
    case Status::cancel_request:
      return kStateRunning;
    default:
      return kStateOver;
  }
}

bool is_over(Status status) { return state_of(status) == kStateOver; }

Job job_of(const db::Row& row) {
  return {row.integer(0),
          row.string(1),
          row.string(2),
          row.string(3),
          status_in(row.text(4)),
          row.string(5),
          object_in(row.text(6)),
          capacity_in(row.text(7)),
          row.string(8),
          row.string(9),
          row.integer(10),
          row.integer(11),
          from_micros(row.integer(12)),
          from_micros(row.integer(13))};
}

std::string text_of(const boost::json::object& object) { return boost::json::serialize(object); }

std::string text_of(const CapacityMap& capacity) {
  boost::json::object object;
  for (const auto& [key, value] : capacity) object.emplace(key, value);
  return text_of(object);
}

boost::json::object object_in(std::string_view text) {
  const auto value = codec::parse_json(text);
  return value && value->is_object() ? value->get_object() : boost::json::object();
}

CapacityMap capacity_in(std::string_view text) {
  CapacityMap capacity;
  for (const auto& member : object_in(text)) {
    if (member.value().is_int64()) capacity.emplace(member.key(), member.value().get_int64());
  }
  return capacity;
}

std::int64_t fingerprint(std::string_view action, std::string_view parameters) {
  // FNV-1a: stored, so it must be the same in every build.
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](std::string_view text) {
    for (const char letter : text) {
      hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
    }
  };
  add(action);
  add("\n");
  add(parameters);
  return static_cast<std::int64_t>(hash);
}

Result<void> insert(db::Tx& tx, Job& job, std::int64_t deaths) {
  const std::string parameters = text_of(job.parameters);
  HF_CHECK(tx.query(
      "INSERT INTO jobs (uuid, retry_from, worker, incarnation, state, status, action, parameters, "
      "fingerprint, capacity, deadline, stop_timeout, retries_left, retries_total, deaths, "
      "scheduled_at, updated_at) "
      "VALUES ($1, $2, '', '', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
      "RETURNING id",
      {job.uuid, job.retry_from, state_of(job.status), name(job.status), job.action, parameters,
       fingerprint(job.action, parameters), text_of(job.capacity), job.deadline, job.stop_timeout,
       job.retries_left, job.retries_total, deaths, to_micros(job.scheduled_at),
       to_micros(job.updated_at)},
      [&](const db::Row& row) -> Result<void> {
        job.id = row.integer(0);
        return {};
      }));
  tx.changed(kChangedJob, job.uuid);
  return {};
}

Result<void> check_capacity(const CapacityMap& capacity) {
  constexpr std::size_t kKeysAtMost = 20;
  constexpr std::size_t kKeyBytes = 64;
  constexpr std::int64_t kAtMost = 1000;
  if (capacity.size() > kKeysAtMost) {
    return invalid(fmt::format("\"capacityMap\" must have at most {} keys", kKeysAtMost));
  }
  for (const auto& [key, value] : capacity) {
    if (key.empty() || key.size() > kKeyBytes || !codec::is_text(key)) {
      return invalid(
          fmt::format("a key of \"capacityMap\" must be a text of 1 to {} bytes", kKeyBytes));
    }
    if (value < 0 || value > kAtMost) {
      return invalid(
          fmt::format("\"capacityMap\": \"{}\" must be a number from 0 to {}", key, kAtMost));
    }
  }
  return {};
}

Result<Job> job_from(const NewJob& wanted, const Actions& actions, Timestamp now, Random& random) {
  HF_TRY(const Action* const action, actions.find(wanted.action));
  Job job;
  job.uuid = uuid(random);
  job.retry_from = job.uuid;
  job.action = action->name;
  job.parameters = wanted.parameters;
  if (!action->capacity_key.empty()) job.capacity.emplace(action->capacity_key, 1);
  if (wanted.capacity) job.capacity = *wanted.capacity;
  job.deadline = wanted.deadline.value_or(duration_text(action->deadline));
  job.stop_timeout = wanted.stop_timeout.value_or(duration_text(action->stop_timeout));
  job.retries_total = wanted.retries.value_or(action->retries);
  job.retries_left = job.retries_total;
  job.scheduled_at = wanted.scheduled_at.value_or(now);
  job.updated_at = now;
  HF_CHECK(check_parameters(job.parameters));
  HF_CHECK(check_capacity(job.capacity));
  HF_CHECK(check_duration("deadline", job.deadline));
  HF_CHECK(check_duration("stopTimeout", job.stop_timeout));
  if (job.retries_total < 0 || job.retries_total > kRetriesAtMost) {
    return invalid(fmt::format("\"retries\" must be a number from 0 to {}", kRetriesAtMost));
  }
  return job;
}

}  // namespace holdfast::jobs
