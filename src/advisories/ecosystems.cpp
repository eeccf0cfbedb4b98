#include "advisories/ecosystems.hpp"

#include <algorithm>
#include <array>

#include "packages/purl.hpp"

namespace holdfast::advisories {

namespace {

using packages::Package;
using packages::Release;
using packages::Type;
using versions::Scheme;

// Whether advisories name what is installed, or what it was built from.
enum class Names { own, source, both };

struct Family {
  std::string_view name;
  Type type;
  Scheme scheme;
};
constexpr auto kFamilies = std::to_array<Family>({
    {"Debian", Type::deb, Scheme::dpkg},     {"Ubuntu", Type::deb, Scheme::dpkg},
    {"Echo", Type::deb, Scheme::dpkg},       {"Alpine", Type::apk, Scheme::apk},
    {"Wolfi", Type::apk, Scheme::apk},       {"Chainguard", Type::apk, Scheme::apk},
    {"MinimOS", Type::apk, Scheme::apk},     {"AlmaLinux", Type::rpm, Scheme::rpm},
    {"Rocky Linux", Type::rpm, Scheme::rpm}, {"Red Hat", Type::rpm, Scheme::rpm},
    {"SUSE", Type::rpm, Scheme::rpm},        {"openSUSE", Type::rpm, Scheme::rpm},
    {"Azure Linux", Type::rpm, Scheme::rpm}, {"Photon OS", Type::rpm, Scheme::rpm},
    {"Mageia", Type::rpm, Scheme::rpm},      {"openEuler", Type::rpm, Scheme::rpm},
    {"npm", Type::npm, Scheme::npm},         {"PyPI", Type::pypi, Scheme::pep440},
    {"Go", Type::golang, Scheme::go},        {"Maven", Type::maven, Scheme::maven},
    {"RubyGems", Type::gem, Scheme::gem},    {"crates.io", Type::cargo, Scheme::semver},
    {"NuGet", Type::nuget, Scheme::nuget},   {"Packagist", Type::composer, Scheme::composer},
});

const Family* find_family(std::string_view name) {
  const auto* const found = std::ranges::find(kFamilies, name, &Family::name);
  return found == kFamilies.end() ? nullptr : found;
}

std::string major_of(std::string_view version) {
  return std::string(version.substr(0, version.find('.')));
}

// "3.10.2" -> "3.10"; as it is for what has no second dot.
std::string minor_of(std::string_view version) {
  const std::size_t first = version.find('.');
  if (first == std::string_view::npos) return std::string(version);
  return std::string(version.substr(0, version.find('.', first + 1)));
}

std::string without_prefix(std::string_view text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return std::string(text);
}

struct Distribution {
  std::string_view id;  // ID of os-release
  std::string_view family;
  Names names;
  // The releases of the family for what os-release says; nothing: it cannot be told.
  std::optional<std::vector<std::string>> (*releases)(const Release& release);
};

using Releases = std::optional<std::vector<std::string>>;

Releases by_major(const Release& release) {
  if (release.version_id.empty()) return std::nullopt;
  return std::vector{major_of(release.version_id)};
}
Releases rolling(const Release& /*release*/) { return std::vector<std::string>(); }
Releases of_alpine(const Release& release) {
  if (release.version_id.empty() || release.version_id.contains("alpha")) return std::nullopt;
  return std::vector{"v" + minor_of(release.version_id)};
}
Releases of_ubuntu(const Release& release) {
  if (release.version_id.empty()) return std::nullopt;
  return std::vector{release.version_id, release.version_id + ":LTS"};
}
Releases of_suse(const Release& release) {
  return std::vector{without_prefix(release.pretty_name, "SUSE ")};
}
Releases of_opensuse(const Release& release) {
  return std::vector{without_prefix(release.pretty_name, "openSUSE ")};
}

constexpr auto kDistributions = std::to_array<Distribution>({
    {"debian", "Debian", Names::source, by_major},
    {"echo", "Echo", Names::source, rolling},
    {"ubuntu", "Ubuntu", Names::source, of_ubuntu},
    {"alpine", "Alpine", Names::source, of_alpine},
    {"wolfi", "Wolfi", Names::source, rolling},
    {"chainguard", "Chainguard", Names::source, rolling},
    {"minimos", "MinimOS", Names::source, rolling},
    {"almalinux", "AlmaLinux", Names::own, by_major},
    {"rocky", "Rocky Linux", Names::both, by_major},
    {"rhel", "Red Hat", Names::own, by_major},
    {"sles", "SUSE", Names::both, of_suse},
    {"opensuse-leap", "openSUSE", Names::both, of_opensuse},
    {"opensuse-tumbleweed", "openSUSE", Names::both, of_opensuse},
    {"azurelinux", "Azure Linux", Names::own, by_major},
    {"mageia", "Mageia", Names::both, by_major},
});

void add_names(Home& home, const Package& package, Names names) {
  if (names != Names::source) home.names.push_back({package.name, package.version});
  const bool is_another = package.source_name != package.name || names == Names::source;
  if (names != Names::own && is_another && !package.source_name.empty()) {
    home.names.push_back({package.source_name, package.source_version});
  }
}

}  // namespace

Ecosystem split_ecosystem(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<Scheme> scheme_of(std::string_view family) {
  const Family* found = find_family(family);
  if (found == nullptr) return std::nullopt;
  return found->scheme;
}

std::optional<Type> type_of_family(std::string_view family) {
  const Family* found = find_family(family);
  if (found == nullptr) return std::nullopt;
  return found->type;
}

std::string lookup_name(std::string_view family, std::string_view name) {
  const Family* found = find_family(family);
  return found == nullptr ? std::string(name) : packages::normal_name(found->type, name);
}

std::optional<Home> home_of(const Package& package, const Release* release) {
  if (!packages::is_of_distribution(package.type)) {
    const auto* const family = std::ranges::find(kFamilies, package.type, &Family::type);
    if (family == kFamilies.end()) return std::nullopt;
    return Home{.family = std::string(family->name),
                .names = {{packages::normal_name(package.type, package.name), package.version}}};
  }
  if (release == nullptr) return std::nullopt;
  const auto* const distribution =
      std::ranges::find(kDistributions, release->id, &Distribution::id);
  if (distribution == kDistributions.end()) return std::nullopt;
  Releases releases = distribution->releases(*release);
  if (!releases || type_of_family(distribution->family) != package.type) return std::nullopt;
  Home home{.family = std::string(distribution->family), .releases = *std::move(releases)};
  if (distribution->family == "Red Hat") {
    home.release_prefix = "enterprise_linux:" + home.releases.front();
  }
  add_names(home, package, distribution->names);
  return home;
}

}  // namespace holdfast::advisories
