// Forgets what was found in images that no repository has any more.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "db/database.hpp"
#include "jobs/run.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kSweepAction = "scan_sweep";  // its job

// Images without a manifest anywhere; layers that no image has and whose blob is gone, with their
// packages and licences; packages that no layer has. Some rows at a time, each decided anew where
// it is removed: what is pushed again meanwhile stays, or is scanned as new. Blocks; ends early
// when the job is to stop.
Result<void> sweep(db::Database& database, jobs::Run& run);

}  // namespace holdfast::scanner
