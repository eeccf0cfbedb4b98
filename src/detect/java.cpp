// Jars and what is packed like them. In each: the pom.properties that Maven leaves for everything
// it put in, else the manifest, else the name of the file; and the jars that it brings along.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#include "detect/languages.hpp"
#include "detect/lines.hpp"
#include "detect/paths.hpp"
#include "detect/zip.hpp"

namespace holdfast::detect {

namespace {

constexpr int kDepth = 4;
constexpr std::uint64_t kUnpackedBytes = 512ULL << 20U;  // of one file, whatever is within
constexpr std::uint64_t kNestedBytes = 32ULL << 20U;  // that is packed; three may be open at once
constexpr std::uint64_t kTextBytes = 1ULL << 20U;

struct Artifact {
  std::string group{};
  std::string name{};
  std::string version{};
  std::string license{};
};

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// Words of versions that have a number behind them: "1.0-beta-2".
bool is_of_a_version(std::string_view part) {
  constexpr std::array<std::string_view, 8> kWords = {"alpha", "b",   "beta", "cr",
                                                      "m",     "pre", "rc",   "snapshot"};
  if (part.empty() || is_digit(part.front())) return !part.empty();
  return std::ranges::any_of(kWords, [&](std::string_view word) { return is_same(word, part); });
}

// "log4j-1.2-api-2.14.1.jar": the version begins at the last part with a digit in front, or before
// it where all that is between is of a version.
Artifact artifact_of_file(std::string_view path) {
  std::string_view name = base_name(path);
  name = name.substr(0, name.rfind('.'));
  std::size_t version = std::string_view::npos;
  std::size_t end = name.size();
  while (true) {
    const std::size_t dash = end == 0 ? std::string_view::npos : name.rfind('-', end - 1);
    if (dash == std::string_view::npos || dash == 0) break;
    const std::string_view part = name.substr(dash + 1, end - dash - 1);
    if (version != std::string_view::npos && !is_of_a_version(part)) break;
    if (!part.empty() && is_digit(part.front())) version = dash;
    end = dash;
  }
  if (version == std::string_view::npos) return {.name = std::string(name)};
  return {.name = std::string(name.substr(0, version)),
          .version = std::string(name.substr(version + 1))};
}

Artifact artifact_of_properties(std::string_view text) {
  Artifact artifact;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view key = trimmed(line.substr(0, equals));
    const std::string value(trimmed(line.substr(equals + 1)));
    if (key == "groupId") artifact.group = value;
    if (key == "artifactId") artifact.name = value;
    if (key == "version") artifact.version = value;
  });
  return artifact;
}

// The headers of a manifest that say what it is; the first section alone is of the whole jar.
struct Manifest {
  std::string vendor_id{}, symbolic_name{}, title{}, specification_title{}, bundle_name{};
  std::string version{}, specification_version{}, bundle_version{}, license{};
};

Manifest read_manifest(std::string_view text) {
  Manifest manifest;
  const std::array<std::pair<std::string_view, std::string*>, 9> fields = {{
      {"Bundle-License", &manifest.license},
      {"Bundle-Name", &manifest.bundle_name},
      {"Bundle-SymbolicName", &manifest.symbolic_name},
      {"Bundle-Version", &manifest.bundle_version},
      {"Implementation-Title", &manifest.title},
      {"Implementation-Vendor-Id", &manifest.vendor_id},
      {"Implementation-Version", &manifest.version},
      {"Specification-Title", &manifest.specification_title},
      {"Specification-Version", &manifest.specification_version},
  }};
  std::string* last = nullptr;
  bool is_over = false;
  for_each_line(text, [&](std::string_view line) {
    is_over = is_over || line.empty();
    if (is_over) return;
    if (line.starts_with(' ')) {  // lines are folded at 72 bytes, within words too
      if (last != nullptr) last->append(line.substr(1));
      return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const auto* const field =
        std::ranges::find_if(fields, [&](const auto& known) { return is_same(known.first, name); });
    last = field == fields.end() || colon == std::string_view::npos ? nullptr : field->second;
    if (last != nullptr) *last = line.substr(colon + 1);
  });
  for (const auto& [name, value] : fields) *value = std::string(trimmed(*value));
  return manifest;
}

std::string first_of(std::initializer_list<std::string_view> texts) {
  const auto* const found =
      std::ranges::find_if(texts, [](std::string_view text) { return !text.empty(); });
  return found == texts.end() ? std::string() : std::string(*found);
}

// "org.slf4j.api;singleton:=true" of slf4j-api is "org.slf4j"; "com.google.inject" of guice names
// no artifact, and is the group. What is no Java name is a title for people.
std::string group_of(const Manifest& manifest, std::string_view artifact) {
  std::string_view name = manifest.symbolic_name;
  name = trimmed(name.substr(0, name.find(';')));
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && dot > 0 && artifact.contains(name.substr(dot + 1))) {
    name = name.substr(0, dot);
  }
  std::string group = manifest.vendor_id.empty() ? std::string(name) : manifest.vendor_id;
  return group.contains(' ') ? std::string() : group;
}

bool is_title(std::string_view name) {
  return name.empty() || name.find_first_of(" :") < name.size();
}

// Nothing when it does not say which version of what it is. A title with blanks is for people: then
// the file's name says it better, where it is given.
std::optional<Artifact> artifact_of_manifest(const Manifest& manifest, const Artifact& of_file) {
  Artifact artifact{
      .name = first_of({manifest.title, manifest.specification_title, manifest.bundle_name}),
      .version =
          first_of({manifest.version, manifest.specification_version, manifest.bundle_version}),
      .license = manifest.license};
  if (is_title(artifact.name)) artifact.name = of_file.name;
  artifact.group = group_of(manifest, artifact.name);
  const bool says_nothing =
      artifact.version.empty() || artifact.version.contains("${") || artifact.version.contains(' ');
  if (says_nothing) artifact.version = of_file.version;
  if (artifact.name.empty() || artifact.version.empty()) return std::nullopt;
  return artifact;
}

class JarReader {
 public:
  explicit JarReader(Found& found) : found_(found) {}

  void read(std::string_view bytes, const std::string& path, int depth) {
    const Artifact of_file = artifact_of_file(path);
    std::vector<Artifact> artifacts;
    Manifest manifest;
    auto zip = Zip::open(bytes);
    if (zip) {
      for (const ZipEntry& entry : zip->entries()) {
        if (base_name(entry.name) == "pom.properties") {
          add_properties(*zip, entry, path, artifacts);
        } else if (is_same(entry.name, "META-INF/MANIFEST.MF")) {
          if (const auto text = text_of(*zip, entry, kTextBytes, path)) {
            manifest = read_manifest(*text);
          }
        } else if (wants_java(entry.name)) {
          read_nested(*zip, entry, path, depth);
        }
      }
    } else {
      found_.remark(fmt::format("{}: {}", path, zip.error().message));
    }
    complete(artifacts, manifest, of_file);
    for (const Artifact& artifact : artifacts) add(artifact, path);
  }

 private:
  void add_properties(const Zip& zip, const ZipEntry& entry, const std::string& path,
                      std::vector<Artifact>& artifacts) {
    const auto text = text_of(zip, entry, kTextBytes, path);
    if (!text) return;
    Artifact artifact = artifact_of_properties(*text);
    if (artifact.name.empty() || artifact.version.empty()) return;
    artifacts.push_back(std::move(artifact));
  }

  // A jar of Gradle says in its manifest what it is, and may hold other projects' poms. Beside them
  // its file name counts for nothing: it may have been renamed.
  static void complete(std::vector<Artifact>& artifacts, const Manifest& manifest,
                       const Artifact& of_file) {
    const auto artifact = artifact_of_manifest(manifest, artifacts.empty() ? of_file : Artifact{});
    if (!artifact) return;
    const auto is_the_same = [&](const Artifact& known) {
      return known.name == of_file.name || known.name == artifact->name ||
             (known.version == artifact->version && known.group == artifact->group);
    };
    if (std::ranges::none_of(artifacts, is_the_same)) artifacts.push_back(*artifact);
  }

  void read_nested(const Zip& zip, const ZipEntry& entry, const std::string& path, int depth) {
    const std::string inner = fmt::format("{}!/{}", path, entry.name);
    if (depth >= kDepth) {
      found_.remark(fmt::format("{}: deeper in other jars than is looked", inner));
      return;
    }
    // Spring Boot stores them as they are, so that they can be loaded in place.
    if (const std::string_view stored = zip.stored(entry); !stored.empty()) {
      read(stored, inner, depth + 1);
    } else if (const auto bytes = text_of(zip, entry, kNestedBytes, path)) {
      read(*bytes, inner, depth + 1);
    }
  }

  std::optional<std::string> text_of(const Zip& zip, const ZipEntry& entry, std::uint64_t at_most,
                                     const std::string& path) {
    auto text = zip.read(entry, at_most, bytes_left_);
    if (text) return *std::move(text);
    found_.remark(fmt::format("{}!/{}: {}", path, entry.name, text.error().message));
    return std::nullopt;
  }

  void add(const Artifact& artifact, const std::string& path) {
    packages::Package package{.type = packages::Type::maven,
                              .name = artifact.group.empty()
                                          ? artifact.name
                                          : fmt::format("{}:{}", artifact.group, artifact.name),
                              .version = artifact.version,
                              .path = path,
                              .detector = "java"};
    if (!artifact.license.empty()) package.licenses.push_back(artifact.license);
    found_.add(std::move(package));
  }

  Found& found_;
  std::uint64_t bytes_left_ = kUnpackedBytes;
};

}  // namespace

bool wants_java(std::string_view path) {
  const std::string_view name = base_name(path);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  constexpr std::array<std::string_view, 5> kEndings = {"ear", "hpi", "jar", "par", "war"};
  return std::ranges::any_of(
      kEndings, [&](std::string_view ending) { return is_same(name.substr(dot + 1), ending); });
}

void detect_java(const File& file, Found& found) {
  JarReader(found).read(file.bytes, std::string(file.path), 1);
}

}  // namespace holdfast::detect
