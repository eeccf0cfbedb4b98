// Ranges as npm writes them: "^1.2.3 || >=2.0.0 <3".
#pragma once

#include <string_view>

namespace holdfast::versions {

// Whether node-semver's satisfies(version, range) holds, with its defaults (a prerelease is only
// met by a comparator of the same major.minor.patch). False for a range or version it cannot read.
bool satisfies_npm(std::string_view version, std::string_view range);

}  // namespace holdfast::versions
