#include "packages/package.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast::packages {

namespace {

constexpr std::array<std::pair<Type, std::string_view>, 13> kNames = {{
    {Type::apk, "apk"},
    {Type::cargo, "cargo"},
    {Type::composer, "composer"},
    {Type::conda, "conda"},
    {Type::deb, "deb"},
    {Type::gem, "gem"},
    {Type::golang, "golang"},
    {Type::maven, "maven"},
    {Type::npm, "npm"},
    {Type::nuget, "nuget"},
    {Type::pypi, "pypi"},
    {Type::rpm, "rpm"},
    {Type::generic, "generic"},
}};

constexpr std::array kTypes = [] {
  std::array<Type, kNames.size()> types{};
  std::ranges::transform(kNames, types.begin(), [](const auto& entry) { return entry.first; });
  return types;
}();

}  // namespace

std::string_view name(Type type) { return kNames.at(static_cast<std::size_t>(type)).second; }

std::optional<Type> type_of(std::string_view name) {
  const auto* const found =
      std::ranges::find(kNames, name, [](const auto& entry) { return entry.second; });
  if (found == kNames.end()) return std::nullopt;
  return found->first;
}

std::span<const Type> types() { return kTypes; }

bool is_of_distribution(Type type) {
  return type == Type::apk || type == Type::deb || type == Type::rpm;
}

std::string_view member_of(const Package& package) {
  const std::string_view path = package.path;
  return path.substr(0, path.find("!/"));
}

}  // namespace holdfast::packages
