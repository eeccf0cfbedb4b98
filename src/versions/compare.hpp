// The order of versions, of each ecosystem by its own rules.
#pragma once

#include <compare>
#include <span>
#include <string_view>

namespace holdfast::versions {

// Whose rules.
enum class Scheme { apk, composer, dpkg, gem, go, maven, npm, nuget, pep440, rpm, semver };
std::string_view name(Scheme scheme);  // "dpkg"
std::span<const Scheme> schemes();

// How `a` stands to `b`. A total order over all texts: what is no version of the scheme comes after
// everything that is one, and among its like by bytes. Never fails and costs O(length) for any
// input. Equivalent texts may differ ("1.0" and "1.0-0" for dpkg).
std::weak_ordering compare(Scheme scheme, std::string_view a, std::string_view b);

// Whether the scheme can read it.
bool is_valid(Scheme scheme, std::string_view version);

}  // namespace holdfast::versions
