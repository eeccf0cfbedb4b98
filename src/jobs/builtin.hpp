// The actions of this module's own.
#pragma once

#include <string_view>

#include "jobs/jobs.hpp"
#include "settings/store.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kOnlineGcJobLogs = "onlinegc_joblogs";
inline constexpr std::string_view kJobFailed = "job_failed";  // unsupported

// sleep (parameter "seconds"), false, and onlinegc_joblogs: forgets jobs that are over, with their
// logs, as the settings jobHistory… say, and workers that are gone for a month. `settings` outlives
// the jobs.
void add_builtin(Jobs& jobs, settings::Store& settings);

}  // namespace holdfast::jobs
