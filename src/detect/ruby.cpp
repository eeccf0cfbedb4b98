// The gemspecs that `gem install` leaves in specifications/: Ruby code, of which nothing is run.
// RubyGems writes them in one form, with a stub line on top for readers in a hurry.
#include <string>
#include <vector>

#include "detect/languages.hpp"
#include "detect/lines.hpp"
#include "detect/paths.hpp"

namespace holdfast::detect {

namespace {

// The next text in quotes; what is behind it stays in `text`. Nothing when there is none.
std::string_view take_quoted(std::string_view& text) {
  const std::size_t begin = text.find_first_of("\"'");
  if (begin == std::string_view::npos) return {};
  const std::size_t end = text.find(text[begin], begin + 1);
  if (end == std::string_view::npos) return {};
  const std::string_view quoted = text.substr(begin + 1, end - begin - 1);
  text.remove_prefix(end + 1);
  return quoted;
}

// "# stub: name version platform require_paths"
void read_stub(std::string_view line, packages::Package& package) {
  line = trimmed(line);
  const std::size_t name = line.find(' ');
  if (name == std::string_view::npos) return;
  const std::string_view rest = trimmed(line.substr(name));
  package.name = line.substr(0, name);
  package.version = rest.substr(0, rest.find(' '));
}

// The attribute in "  s.name = …" or "  spec.name = …", whose value stays in `line`.
std::string_view take_attribute(std::string_view& line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view target = trimmed(line.substr(0, equals));
  const std::size_t dot = target.find('.');
  if (dot == std::string_view::npos || target.contains(' ')) return {};
  line.remove_prefix(equals + 1);
  return target.substr(dot + 1);
}

}  // namespace

bool wants_ruby(std::string_view path) {
  return path.ends_with(".gemspec") && is_in_folder(path, "specifications");
}

void detect_ruby(const File& file, Found& found) {
  constexpr std::string_view kStub = "# stub: ";
  constexpr std::size_t kLicenses = 50;
  packages::Package package{
      .type = packages::Type::gem, .path = std::string(file.path), .detector = "gem"};
  for_each_line(file.bytes, [&](std::string_view line) {
    if (line.starts_with(kStub) && package.name.empty()) {
      read_stub(line.substr(kStub.size()), package);
      return;
    }
    const std::string_view attribute = take_attribute(line);
    if (attribute == "name" && package.name.empty()) package.name = take_quoted(line);
    if (attribute == "version" && package.version.empty()) package.version = take_quoted(line);
    if (attribute != "license" && attribute != "licenses") return;
    while (package.licenses.size() < kLicenses) {
      const std::string_view license = take_quoted(line);
      if (license.empty()) break;
      package.licenses.emplace_back(license);
    }
  });
  if (package.name.empty() || package.version.empty()) {
    found.remark(std::string(file.path) + ": no name or no version of a gem");
    return;
  }
  found.add(std::move(package));
}

}  // namespace holdfast::detect
