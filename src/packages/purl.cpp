#include "packages/purl.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::packages {

namespace {

std::string small(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char byte) {
    return byte < 0x80 ? static_cast<char>(std::tolower(byte)) : static_cast<char>(byte);
  });
  return out;
}

// PEP 503: runs of "-", "_" and "." are one "-".
std::string python_name(std::string_view name) {
  std::string out;
  for (const char byte : small(name)) {
    const bool is_separator = byte == '-' || byte == '_' || byte == '.';
    if (!is_separator) {
      out += byte;
    } else if (!out.ends_with('-')) {
      out += '-';
    }
  }
  return out;
}

// "/" stays in namespaces, whose parts are encoded one by one.
std::string encoded(std::string_view text, std::string_view also_plain = "") {
  std::string out;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    const bool is_plain = (code < 0x80 && std::isalnum(code) != 0) ||
                          std::string_view("-._~:").contains(byte) || also_plain.contains(byte);
    if (is_plain) {
      out += byte;
    } else {
      out += fmt::format("%{:02X}", code);
    }
  }
  return out;
}

// Namespace and name.
std::pair<std::string, std::string> parts(const Package& package, const Release* release) {
  if (is_of_distribution(package.type)) {
    return {release == nullptr ? "" : small(release->id),
            package.type == Type::rpm ? package.name : small(package.name)};
  }
  const std::string name = normal_name(package.type, package.name);
  const char separator = package.type == Type::maven ? ':' : '/';
  const bool has_namespace = package.type == Type::maven || package.type == Type::npm ||
                             package.type == Type::golang || package.type == Type::composer;
  const std::size_t at = has_namespace ? name.rfind(separator) : std::string::npos;
  if (at == std::string::npos) return {"", name};
  return {name.substr(0, at), name.substr(at + 1)};
}

}  // namespace

std::string normal_name(Type type, std::string_view name) {
  switch (type) {
    case Type::pypi:
      return python_name(name);
    case Type::nuget:
    case Type::composer:
      return small(name);
    default:
      return std::string(name);
  }
}

std::string purl(const Package& package, const Release* release) {
  const auto [space, base] = parts(package, release);
  std::string version = package.version;
  std::vector<std::string> qualifiers;
  if (!package.architecture.empty()) {
    qualifiers.push_back(fmt::format("arch={}", encoded(package.architecture)));
  }
  if (is_of_distribution(package.type) && release != nullptr && !release->id.empty()) {
    const std::string distro = release->version_id.empty()
                                   ? release->id
                                   : fmt::format("{}-{}", release->id, release->version_id);
    qualifiers.push_back(fmt::format("distro={}", encoded(distro)));
  }
  if (package.type == Type::rpm) {
    if (const std::size_t colon = version.find(':'); colon != std::string::npos) {
      qualifiers.push_back(fmt::format("epoch={}", encoded(version.substr(0, colon))));
      version.erase(0, colon + 1);
    }
  }
  std::string out = fmt::format("pkg:{}/", name(package.type));
  if (!space.empty()) out += fmt::format("{}/", encoded(space, "/"));
  out += encoded(base);
  if (!version.empty()) out += fmt::format("@{}", encoded(version));
  if (!qualifiers.empty()) out += fmt::format("?{}", fmt::join(qualifiers, "&"));
  return out;
}

}  // namespace holdfast::packages
