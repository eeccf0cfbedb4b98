// Which of OSV's ecosystems a package belongs to, and whose versions they have.
// https://ossf.github.io/osv-schema/#defined-ecosystems
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packages/package.hpp"
#include "versions/compare.hpp"

namespace holdfast::advisories {

// "Debian:12" is Debian and "12"; "Ubuntu:Pro:22.04:LTS" Ubuntu and "Pro:22.04:LTS".
struct Ecosystem {
  std::string_view family;
  std::string_view release;
};
Ecosystem split_ecosystem(std::string_view text);

// Nothing for ecosystems of which no package of ours can be: Bitnami, OSS-Fuzz, GitHub Actions.
std::optional<versions::Scheme> scheme_of(std::string_view family);
// The name as it is looked up: as packages::normal_name makes it for the family's type.
std::string lookup_name(std::string_view family, std::string_view name);
// The type of packages that a family speaks of.
std::optional<packages::Type> type_of_family(std::string_view family);

// What a package is looked up under.
struct Home {
  std::string family;
  // The releases whose records concern it, beside those without one; empty: only those.
  std::vector<std::string> releases{};
  // A release that begins so concerns it as well: Red Hat's are CPEs.
  std::string release_prefix{};
  struct Name {
    std::string name;
    std::string version;
  };
  std::vector<Name> names{};  // its own, or its source's, or both
};
// Nothing when no ecosystem has it, or the release is not known where it matters.
std::optional<Home> home_of(const packages::Package& package, const packages::Release* release);

}  // namespace holdfast::advisories
