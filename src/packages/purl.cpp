#include "packages/purl.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <optional>
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

std::optional<unsigned> hex_digit(char byte) {
  if (byte >= '0' && byte <= '9') return static_cast<unsigned>(byte - '0');
  if (byte >= 'a' && byte <= 'f') return static_cast<unsigned>(byte - 'a') + 10;
  if (byte >= 'A' && byte <= 'F') return static_cast<unsigned>(byte - 'A') + 10;
  return std::nullopt;
}

// "%40babel" is "@babel"; what is no such code stays as it is.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    if (low) {
      out += static_cast<char>((*high << 4U) | *low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "arch=amd64&upstream=glibc%402.36": the value of one.
std::string qualifier(std::string_view qualifiers, std::string_view name) {
  while (!qualifiers.empty()) {
    const std::string_view pair = qualifiers.substr(0, qualifiers.find('&'));
    qualifiers.remove_prefix(std::min(pair.size() + 1, qualifiers.size()));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return decoded(pair.substr(equals + 1));
    }
  }
  return {};
}

// What is built of a source says so as "upstream=NAME@VERSION"; else it is its own source.
void read_source(std::string_view qualifiers, Package& package) {
  const std::string upstream = qualifier(qualifiers, "upstream");
  const std::size_t at = upstream.find('@');
  package.source_name = upstream.empty() ? package.name : upstream.substr(0, at);
  package.source_version = at == std::string::npos ? package.version : upstream.substr(at + 1);
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

std::optional<Purl> parse_purl(std::string_view text) {
  constexpr std::string_view kScheme = "pkg:";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text = text.substr(0, text.find('#')).substr(kScheme.size());
  text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
  const std::size_t question = text.find('?');
  const std::string_view qualifiers =
      question == std::string_view::npos ? std::string_view() : text.substr(question + 1);
  text = text.substr(0, question);
  const std::size_t slash = text.find('/');
  const auto type = type_of(text.substr(0, slash));
  if (!type || *type == Type::generic || slash == std::string_view::npos) return std::nullopt;
  std::string_view path = text.substr(slash + 1);
  // A scope of npm may be written "@babel", though it should be encoded.
  const std::size_t at = path.rfind('@');
  Package package{.type = *type, .architecture = qualifier(qualifiers, "arch")};
  if (at != std::string_view::npos && at > 0 && path.find('/', at) == std::string_view::npos) {
    package.version = decoded(path.substr(at + 1));
    path = path.substr(0, at);
  }
  if (const std::string epoch = qualifier(qualifiers, "epoch"); !epoch.empty()) {
    package.version = fmt::format("{}:{}", epoch, package.version);
  }
  const std::size_t last = path.rfind('/');
  const std::string name = decoded(last == std::string_view::npos ? path : path.substr(last + 1));
  if (name.empty()) return std::nullopt;
  const std::string space =
      last == std::string_view::npos ? std::string() : decoded(path.substr(0, last));
  if (is_of_distribution(*type)) {
    package.name = name;
    read_source(qualifiers, package);
    return Purl{std::move(package), small(space), small(qualifier(qualifiers, "distro"))};
  }
  const char separator = *type == Type::maven ? ':' : '/';
  package.name = space.empty() ? name : space + separator + name;
  return Purl{.package = std::move(package)};
}

}  // namespace holdfast::packages
