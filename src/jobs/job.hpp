// A job as it is stored and shown.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "jobs/actions.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kJobUnknown = "job_unknown";     // not_found
inline constexpr std::string_view kJobInvalid = "job_invalid";     // invalid: what it was given
inline constexpr std::string_view kJobRunning = "job_is_running";  // conflict

// The tables of this module.
std::span<const db::Migration> migrations();

// The topic of changes; key: the job's uuid. Runners look for work when they hear of one.
inline constexpr std::string_view kChangedJob = "job";

// DTR's words are those of name().
enum class Status : std::uint8_t {
  waiting,
  running,
  done,
  error,
  cancel_request,       // it runs, and is told to stop
  cancel,               // it was stopped, or never begun
  worker_dead,          // its worker was not heard of for too long: another job goes on with it
  worker_shutdown,      // its worker was stopped: another job goes on with it
  worker_resurrection,  // its worker was taken for dead and came back: it was stopped
};
std::string_view name(Status status);
// Whether it will run no more.
bool is_over(Status status);

struct Job {
  std::int64_t id = 0;  // in the order of making
  std::string uuid;
  std::string retry_from;  // the job that it does again; its own uuid when there is none
  std::string worker;      // "" before it runs
  Status status = Status::waiting;
  std::string action;
  boost::json::object parameters;
  CapacityMap capacity;
  std::string deadline;      // as it was given: "1h"; "": none
  std::string stop_timeout;  // likewise
  std::int64_t retries_left = 0;
  std::int64_t retries_total = 0;
  Timestamp scheduled_at{};  // not before
  Timestamp updated_at{};    // of the last change of its status
};

// A job to be made. What is not given is as the action says.
struct NewJob {
  std::string action{};
  boost::json::object parameters{};
  std::optional<std::int64_t> retries{};  // 0 to kRetriesAtMost
  std::optional<CapacityMap> capacity{};
  std::optional<std::string> deadline{};  // "1h30m"; see settings::duration_of
  std::optional<std::string> stop_timeout{};
  std::optional<Timestamp> scheduled_at{};
};
inline constexpr std::int64_t kRetriesAtMost = 100;

struct LogLine {
  std::int64_t number = 0;  // from 0; some are missing where lines were left out
  std::string data;
};

}  // namespace holdfast::jobs
