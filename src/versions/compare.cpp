#include "versions/compare.hpp"

#include <array>
#include <utility>

#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

struct Entry {
  Scheme scheme;
  std::string_view name;
  const Rules* rules;
};

constexpr std::array<Entry, 11> kEntries = {{
    {Scheme::apk, "apk", &kApk},
    {Scheme::composer, "composer", &kComposer},
    {Scheme::dpkg, "dpkg", &kDpkg},
    {Scheme::gem, "gem", &kGem},
    {Scheme::go, "go", &kGo},
    {Scheme::maven, "maven", &kMaven},
    {Scheme::npm, "npm", &kNpm},
    {Scheme::nuget, "nuget", &kNuget},
    {Scheme::pep440, "pep440", &kPep440},
    {Scheme::rpm, "rpm", &kRpm},
    {Scheme::semver, "semver", &kSemver},
}};

constexpr std::array kSchemes = [] {
  std::array<Scheme, kEntries.size()> schemes{};
  for (std::size_t i = 0; i < schemes.size(); ++i) schemes[i] = kEntries[i].scheme;
  return schemes;
}();

// Longer ones are no versions: some schemes nest by their length.
constexpr std::size_t kBytesAtMost = 2048;

const Entry& entry_of(Scheme scheme) { return kEntries.at(static_cast<std::size_t>(scheme)); }

}  // namespace

std::string_view name(Scheme scheme) { return entry_of(scheme).name; }

std::span<const Scheme> schemes() { return kSchemes; }

bool is_valid(Scheme scheme, std::string_view version) {
  return version.size() <= kBytesAtMost && entry_of(scheme).rules->is_valid(version);
}

std::weak_ordering compare(Scheme scheme, std::string_view a, std::string_view b) {
  const bool a_valid = is_valid(scheme, a);
  const bool b_valid = is_valid(scheme, b);
  if (a_valid && b_valid) return entry_of(scheme).rules->compare(a, b);
  if (a_valid != b_valid) {
    return a_valid ? std::weak_ordering::less : std::weak_ordering::greater;
  }
  return compare_bytes(a, b);
}

}  // namespace holdfast::versions
