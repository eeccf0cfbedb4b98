// `holdfast serve`: everything put together, until a signal ends it.
#pragma once

#include "base/result.hpp"
#include "options.hpp"

namespace holdfast {

// "0.1.0"
std::string_view version();

// Serves until SIGINT or SIGTERM (a second SIGINT ends at once); SIGHUP looks for new certificates.
// Prints on standard output where it listens and, on the first start, the administrator's password.
Result<void> serve(const Options& options);

}  // namespace holdfast
