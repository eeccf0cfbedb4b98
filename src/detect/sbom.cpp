// Lists of components that images bring along, as SPDX 2 or CycloneDX JSON: those with a PURL of a
// type that is known. Bitnami's images have one for each application below opt/bitnami.
#include <boost/json/value.hpp>
#include <string>
#include <utility>

#include "codec/json.hpp"
#include "detect/json_file.hpp"
#include "detect/languages.hpp"
#include "detect/lines.hpp"
#include "detect/paths.hpp"
#include "packages/purl.hpp"

namespace holdfast::detect {

namespace {

namespace json = boost::json;

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
    auto read = packages::parse_purl(purl);
    if (!read) return;
    packages::Package package = std::move(read->package);
    package.licenses = std::move(licenses);
    package.path = path_;
    package.detector = "sbom";
    found_.add(std::move(package));
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
