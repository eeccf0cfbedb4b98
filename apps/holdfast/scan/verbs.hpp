// `holdfast scan` and `holdfast advisories`.
#pragma once

#include "base/result.hpp"
#include "client/parse.hpp"

namespace holdfast::scan {

inline constexpr std::string_view kFound = "found";  // denied: --fail-on says so
inline constexpr std::string_view kNothingToCompare = "nothing_to_compare";  // unavailable

// Scans one image here, without a server's database, and prints what it found.
Result<void> scan(const client::Invocation& invocation);

// By `verb`: build (here), import and status (of a server).
Result<void> advisories(const client::Invocation& invocation);

}  // namespace holdfast::scan
