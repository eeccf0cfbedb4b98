// What .NET leaves: NAME.deps.json beside a published program, and of NuGet packages.lock.json,
// packages.config and files of central versions (Directory.Packages.props).
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "codec/json.hpp"
#include "detect/json_file.hpp"
#include "detect/languages.hpp"
#include "detect/lines.hpp"
#include "detect/paths.hpp"

namespace holdfast::detect {

namespace {

namespace json = boost::json;

void add(const File& file, std::string_view name, std::string_view version, Found& found) {
  found.add({.type = packages::Type::nuget,
             .name = std::string(name),
             .version = std::string(version),
             .path = std::string(file.path),
             .detector = "nuget"});
}

// Whether it is there when the program runs: it has such files, or nothing is said of it.
bool is_at_runtime(const json::object& target, std::string_view key) {
  const json::value* library = target.if_contains(key);
  if (library == nullptr) return true;
  for (const std::string_view files : {"native", "runtime", "runtimeTarget", "runtimeTargets"}) {
    if (codec::member(*library, files) != nullptr) return true;
  }
  return false;
}

void detect_deps(const File& file, const json::value& deps, Found& found) {
  static const json::value kNone = nullptr;
  const json::value* runtime = codec::member(deps, "runtimeTarget");
  const json::value* targets = codec::member(deps, "targets");
  const json::object& target =
      object_of(targets == nullptr ? kNone : *targets,
                runtime == nullptr ? std::string() : text_of(*runtime, "name"));
  for (const auto& [key, library] : object_of(deps, "libraries")) {
    const std::string_view name_and_version(key);
    const std::size_t slash = name_and_version.find('/');
    if (slash == std::string_view::npos || !is_same(text_of(library, "type"), "package")) continue;
    if (!is_at_runtime(target, name_and_version)) continue;
    add(file, name_and_version.substr(0, slash), name_and_version.substr(slash + 1), found);
  }
}

// {"dependencies": {"net8.0": {"Newtonsoft.Json": {"type": "Direct", "resolved": "13.0.1"}}}}
void detect_lock(const File& file, const json::value& lock, Found& found) {
  std::set<std::pair<std::string, std::string>> known;
  for (const auto& [framework, libraries] : object_of(lock, "dependencies")) {
    if (!libraries.is_object()) continue;
    for (const auto& [name, library] : libraries.get_object()) {
      const std::string version = text_of(library, "resolved");
      if (version.empty() || text_of(library, "type") == "Project") continue;
      if (known.emplace(std::string_view(name), version).second) add(file, name, version, found);
    }
  }
}

// The next start tag of an XML file, without its "<" and ">"; empty at the end. Comments are no
// tags, and a ">" within quotes ends none.
std::string_view take_tag(std::string_view& text) {
  while (true) {
    const std::size_t begin = text.find('<');
    if (begin == std::string_view::npos) return {};
    text.remove_prefix(begin + 1);
    if (text.starts_with("!--")) {
      text.remove_prefix(std::min(text.find("-->"), text.size()));
      continue;
    }
    char quote = '\0';
    std::size_t end = 0;
    for (; end < text.size() && (quote != '\0' || text[end] != '>'); ++end) {
      if (quote == text[end]) {
        quote = '\0';
      } else if (quote == '\0' && (text[end] == '"' || text[end] == '\'')) {
        quote = text[end];
      }
    }
    const std::string_view tag = text.substr(0, end);
    text.remove_prefix(end);
    if (!tag.empty()) return tag;
  }
}

// An attribute of a tag, as it is written; empty when there is none.
std::string_view attribute_of(std::string_view tag, std::string_view name) {
  constexpr std::string_view kBlanks = " \t\r\n";
  tag.remove_prefix(std::min(tag.find_first_of(kBlanks), tag.size()));
  while (true) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string_view::npos) return {};
    const std::size_t begin = tag.find_first_of("\"'", equals);
    if (begin == std::string_view::npos) return {};
    const std::size_t end = tag.find(tag[begin], begin + 1);
    if (end == std::string_view::npos) return {};
    if (trimmed(tag.substr(0, equals)) == name) return tag.substr(begin + 1, end - begin - 1);
    tag.remove_prefix(end + 1);
  }
}

void detect_xml(const File& file, Found& found) {
  std::string_view text = file.bytes;
  for (std::string_view tag = take_tag(text); !tag.empty(); tag = take_tag(text)) {
    const std::string_view element = tag.substr(0, tag.find_first_of(" \t\r\n/"));
    std::string_view name;
    std::string_view version;
    if (element == "package") {
      if (is_same(attribute_of(tag, "developmentDependency"), "true")) continue;
      name = attribute_of(tag, "id");
      version = attribute_of(tag, "version");
    } else if (element == "PackageReference" || element == "PackageVersion") {
      name = attribute_of(tag, "Include");
      if (name.empty()) name = attribute_of(tag, "Update");
      version = attribute_of(tag, "Version");
    }
    // "$(SomeProperty)" is known to MSBuild alone.
    if (name.empty() || version.empty() || name.contains("$(") || version.contains("$(")) continue;
    add(file, name, version, found);
  }
}

}  // namespace

bool wants_dotnet(std::string_view path) {
  const std::string_view name = base_name(path);
  return name.ends_with(".deps.json") || name == "packages.lock.json" ||
         is_same(name, "packages.config") ||
         (name.size() >= std::string_view("Packages.props").size() &&
          is_same(name.substr(name.size() - std::string_view("Packages.props").size()),
                  "Packages.props"));
}

void detect_dotnet(const File& file, Found& found) {
  if (!file.path.ends_with(".json")) {
    detect_xml(file, found);
    return;
  }
  const auto json = json_of(file, found);
  if (!json) return;
  if (file.path.ends_with(".deps.json")) {
    detect_deps(file, *json, found);
  } else {
    detect_lock(file, *json, found);
  }
}

}  // namespace holdfast::detect
