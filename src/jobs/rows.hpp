// How jobs lie in their table. For this module only.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "jobs/job.hpp"

namespace holdfast::jobs {

// The column `state`: a job waits, runs or is over. Indexes are made by it, as it has one word for
// several statuses.
inline constexpr std::int64_t kStateWaiting = 0;
inline constexpr std::int64_t kStateRunning = 1;
inline constexpr std::int64_t kStateOver = 2;
std::int64_t state_of(Status status);

// Columns that job_of() reads, in its order.
inline constexpr std::string_view kJobColumns =
    "id, uuid, retry_from, worker, status, action, parameters, capacity, deadline, stop_timeout, "
    "retries_left, retries_total, scheduled_at, updated_at";
Job job_of(const db::Row& row);

std::string text_of(const boost::json::object& object);
std::string text_of(const CapacityMap& capacity);
boost::json::object object_in(std::string_view text);
CapacityMap capacity_in(std::string_view text);

// Stores a job that waits; the same parameters of an action have the same fingerprint. Sets its id.
// Runners hear of it after COMMIT.
Result<void> insert(db::Tx& tx, Job& job, std::int64_t deaths);
std::int64_t fingerprint(std::string_view action, std::string_view parameters);

// invalid/kJobInvalid.
Result<void> check_capacity(const CapacityMap& capacity);

// Checks what a job or a cron is made with, and fills in what the action says. invalid/
// kActionUnknown, invalid/kJobInvalid.
Result<Job> job_from(const NewJob& wanted, const Actions& actions, Timestamp now, Random& random);

}  // namespace holdfast::jobs
