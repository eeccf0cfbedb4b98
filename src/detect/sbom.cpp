// Lists of components that images bring along, as SPDX 2 or CycloneDX JSON: those with a PURL of a
// type that is known. Bitnami's images have one for each application below opt/bitnami.
#include <algorithm>
#include <boost/json/value.hpp>
#include <optional>
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
void read_source(std::string_view qualifiers, packages::Package& package) {
  const std::string upstream = qualifier(qualifiers, "upstream");
  const std::size_t at = upstream.find('@');
  package.source_name = upstream.empty() ? package.name : upstream.substr(0, at);
  package.source_version = at == std::string::npos ? package.version : upstream.substr(at + 1);
}

// Takes "pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH" apart.
std::optional<packages::Package> package_of_purl(std::string_view text) {
  constexpr std::string_view kScheme = "pkg:";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text = text.substr(0, text.find('#')).substr(kScheme.size());
  text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
  const std::size_t question = text.find('?');
  const std::string_view qualifiers =
      question == std::string_view::npos ? std::string_view() : text.substr(question + 1);
  text = text.substr(0, question);
  const std::size_t slash = text.find('/');
  const auto type = packages::type_of(text.substr(0, slash));
  if (!type || slash == std::string_view::npos) return std::nullopt;
  std::string_view path = text.substr(slash + 1);
  // A scope of npm may be written "@babel", though it should be encoded.
  const std::size_t at = path.rfind('@');
  packages::Package package{.type = *type, .architecture = qualifier(qualifiers, "arch")};
  if (at != std::string_view::npos && at > 0 && path.find('/', at) == std::string_view::npos) {
    package.version = decoded(path.substr(at + 1));
    path = path.substr(0, at);
  }
  const std::size_t last = path.rfind('/');
  const std::string name = decoded(last == std::string_view::npos ? path : path.substr(last + 1));
  if (name.empty()) return std::nullopt;
  if (packages::is_of_distribution(*type)) {
    package.name = name;
    read_source(qualifiers, package);
    return package;
  }
  const std::string space =
      last == std::string_view::npos ? std::string() : decoded(path.substr(0, last));
  const char separator = *type == packages::Type::maven ? ':' : '/';
  package.name = space.empty() ? name : space + separator + name;
  return package;
}

class SbomReader {
 public:
  SbomReader(std::string_view path, Found& found) : path_(path), found_(found) {}

  void read_spdx(const json::value& document) {
    for (const json::value& package : array_of(document, "packages")) {
      for (const json::value& reference : array_of(package, "externalRefs")) {
        if (text_of(reference, "referenceType") != "purl") continue;
        add(text_of(reference, "referenceLocator"), spdx_licenses(package));
        break;
      }
    }
  }

  // Components may hold components; the depth of the JSON bounds how far.
  void read_components(const json::value& holder) {
    for (const json::value& component : array_of(holder, "components")) {
      add(text_of(component, "purl"), cyclonedx_licenses(component));
      read_components(component);
    }
  }

 private:
  static std::vector<std::string> spdx_licenses(const json::value& package) {
    for (const std::string_view member : {"licenseConcluded", "licenseDeclared"}) {
      const std::string license = text_of(package, member);
      if (!license.empty() && license != "NOASSERTION" && license != "NONE") return {license};
    }
    return {};
  }

  static std::vector<std::string> cyclonedx_licenses(const json::value& component) {
    constexpr std::size_t kLicenses = 50;
    std::vector<std::string> licenses;
    for (const json::value& choice : array_of(component, "licenses")) {
      if (licenses.size() >= kLicenses) break;
      std::string text = text_of(choice, "expression");
      if (const json::value* license = codec::member(choice, "license"); license != nullptr) {
        text = text_of(*license, "id");
        if (text.empty()) text = text_of(*license, "name");
      }
      if (!text.empty()) licenses.push_back(std::move(text));
    }
    return licenses;
  }

  void add(std::string_view purl, std::vector<std::string> licenses) {
    auto package = package_of_purl(purl);
    if (!package) return;
    package->licenses = std::move(licenses);
    package->path = path_;
    package->detector = "sbom";
    found_.add(*std::move(package));
  }

  std::string_view path_;
  Found& found_;
};

}  // namespace

bool wants_sbom(std::string_view path) {
  return path.ends_with(".spdx.json") || path.ends_with(".cdx.json") || path.ends_with(".spdx") ||
         path.ends_with(".cdx");
}

void detect_sbom(const File& file, Found& found) {
  // SPDX has a form of lines too, which such files do not have in images.
  if (!trimmed(file.bytes.substr(0, 64)).starts_with('{')) return;
  const auto json = json_of(file, found);
  if (!json) return;
  // An attestation (in-toto) has the list as what it states.
  const json::value* predicate = codec::member(*json, "predicate");
  const json::value& list = predicate == nullptr ? *json : *predicate;
  SbomReader reader(file.path, found);
  reader.read_spdx(list);
  reader.read_components(list);
}

}  // namespace holdfast::detect
