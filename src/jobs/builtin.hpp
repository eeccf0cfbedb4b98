// The actions of this module's own.
#pragma once

#include "base/clock.hpp"
#include "jobs/actions.hpp"
#include "jobs/queue.hpp"
#include "settings/store.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kOnlineGcJobLogs = "onlinegc_joblogs";
inline constexpr std::string_view kJobFailed = "job_failed";  // unsupported

// sleep (parameter "seconds"), false, and onlinegc_joblogs: forgets jobs that are over, with their
// logs, as the settings jobHistory… say. What is given outlives `actions`.
void add_builtin(Actions& actions, Queue& queue, settings::Store& settings);

}  // namespace holdfast::jobs
