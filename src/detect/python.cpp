// What pip and setuptools leave beside what they install: NAME.dist-info/METADATA,
// NAME.egg-info/PKG-INFO, NAME.egg-info as a file, EGG-INFO/PKG-INFO of an unpacked egg
// (https://packaging.python.org/en/latest/specifications/core-metadata/).
#include <string>
#include <vector>

#include "detect/languages.hpp"
#include "detect/lines.hpp"
#include "detect/paths.hpp"

namespace holdfast::detect {

namespace {

struct Header {
  std::string_view name;
  std::string value;
  bool is_folded = false;
};

// The headers up to the first empty line, behind which the description is free text.
std::vector<Header> headers_of(std::string_view text) {
  constexpr std::size_t kHeaders = 10'000;
  std::vector<Header> headers;
  bool is_over = false;
  for_each_line(text, [&](std::string_view line) {
    if (is_over || (line.empty() && !headers.empty()) || headers.size() >= kHeaders) {
      is_over = is_over || !headers.empty();
      return;
    }
    if (line.starts_with(' ') || line.starts_with('\t')) {
      if (headers.empty()) return;
      headers.back().is_folded = true;
      if (headers.back().value.size() < Found::kTextBytes) {
        headers.back().value.append("\n").append(trimmed(line));
      }
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    headers.push_back({.name = trimmed(line.substr(0, colon)),
                       .value = std::string(trimmed(line.substr(colon + 1)))});
  });
  return headers;
}

// The last part of "License :: OSI Approved :: MIT License"; nothing for other classifiers and for
// those that name no licence.
std::string license_of_classifier(std::string_view value) {
  constexpr std::string_view kSeparator = " :: ";
  if (!value.starts_with("License :: ") || value == "License :: OSI Approved") return {};
  return std::string(value.substr(value.rfind(kSeparator) + kSeparator.size()));
}

// License-Expression was made to replace the others. License is free text, of which some packages
// make the whole text of their licence: then classifiers say it better.
std::vector<std::string> licenses_of_headers(const std::vector<Header>& headers) {
  std::vector<std::string> classified;
  const Header* license = nullptr;
  for (const Header& header : headers) {
    if (is_same(header.name, "License-Expression") && !header.value.empty()) {
      return {header.value};
    }
    if (is_same(header.name, "License") && !is_same(header.value, "UNKNOWN")) license = &header;
    if (!is_same(header.name, "Classifier")) continue;
    std::string name = license_of_classifier(header.value);
    if (!name.empty()) classified.push_back(std::move(name));
  }
  const bool is_short = license != nullptr && !license->is_folded && !license->value.empty();
  if (is_short) return {license->value};
  if (!classified.empty() || license == nullptr) return classified;
  return {license->value.substr(0, license->value.find('\n'))};
}

}  // namespace

bool wants_python(std::string_view path) {
  return path.ends_with(".dist-info/METADATA") || path.ends_with(".egg-info/PKG-INFO") ||
         path.ends_with("/EGG-INFO/PKG-INFO") || path.ends_with(".egg-info");
}

void detect_python(const File& file, Found& found) {
  const std::vector<Header> headers = headers_of(file.bytes);
  packages::Package package{.type = packages::Type::pypi,
                            .licenses = licenses_of_headers(headers),
                            .path = std::string(file.path),
                            .detector = "python"};
  for (const Header& header : headers) {
    if (package.name.empty() && is_same(header.name, "Name")) package.name = header.value;
    if (package.version.empty() && is_same(header.name, "Version")) package.version = header.value;
  }
  if (package.name.empty() || package.version.empty()) {
    found.remark(std::string(file.path) + ": no name or no version of a Python package");
    return;
  }
  found.add(std::move(package));
}

}  // namespace holdfast::detect
