#include "scanner/sbom.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "codec/text.hpp"
#include "crypto/hash.hpp"
#include "packages/purl.hpp"

namespace holdfast::scanner {

namespace {

namespace json = boost::json;

// Whole seconds: what both forms ask for.
std::string moment(Timestamp when) {
  return rfc3339(std::chrono::floor<std::chrono::seconds>(when)).substr(0, 19) + "Z";
}

std::string hash_of(std::string_view text) {
  crypto::Hasher hasher(crypto::HashAlgorithm::sha256);
  hasher.update(std::as_bytes(std::span(text)));
  return codec::hex(hasher.digest());
}

// A UUID that stands for the image and the time: version 8, made of a hash.
std::string serial_of(const SbomSubject& subject) {
  const std::string hex = hash_of(subject.digest.text() + moment(subject.made_at));
  return fmt::format("{}-{}-8{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 3),
                     hex.substr(15, 3), hex.substr(18, 12));
}

std::string image_purl(const SbomSubject& subject) {
  const std::string name = subject.name.substr(subject.name.rfind('/') + 1);
  std::string digest = subject.digest.text();
  digest.replace(digest.find(':'), 1, "%3A");
  return fmt::format("pkg:oci/{}@{}?repository_url={}", name, digest, subject.name);
}

// Names of SPDX have letters, digits, "." and "-".
bool is_spdx_id(std::string_view license) {
  return !license.empty() && std::ranges::all_of(license, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '+');
  });
}

const packages::Release* release_of(const ImageReport& report) {
  return report.release ? &*report.release : nullptr;
}

json::object spdx_package(const ImageReport& report, const Component& component,
                          std::size_t number) {
  const packages::Package& package = component.package;
  std::string found = fmt::format("found by {} in", package.detector);
  for (const std::string& path : component.paths) found += " " + path;
  std::string declared = "NOASSERTION";
  if (package.licenses.size() == 1 && is_spdx_id(package.licenses.front())) {
    declared = package.licenses.front();
  }
  json::object shown = {
      {"SPDXID", fmt::format("SPDXRef-Package-{}", number)},
      {"name", package.name},
      {"downloadLocation", "NOASSERTION"},
      {"filesAnalyzed", false},
      {"sourceInfo", found},
      {"licenseConcluded", "NOASSERTION"},
      {"licenseDeclared", declared},
      {"copyrightText", "NOASSERTION"},
      {"externalRefs", json::array{json::object{
                           {"referenceCategory", "PACKAGE-MANAGER"},
                           {"referenceType", "purl"},
                           {"referenceLocator", packages::purl(package, release_of(report))}}}}};
  if (!package.version.empty()) shown.emplace("versionInfo", package.version);
  return shown;
}

json::object cyclonedx_component(const ImageReport& report, const Component& component) {
  const packages::Package& package = component.package;
  json::array licenses;
  for (const std::string& license : package.licenses) {
    // "id" must be of SPDX's list, which packages do not keep to: a name is always right.
    licenses.emplace_back(json::object{{"license", json::object{{"name", license}}}});
  }
  json::array places;
  for (const std::string& path : component.paths) {
    places.emplace_back(json::object{{"location", path}});
  }
  const std::string purl = packages::purl(package, release_of(report));
  json::object shown = {
      {"type", "library"},
      {"bom-ref", fmt::format("{}#{}", purl, hash_of(component.paths.front()).substr(0, 8))},
      {"name", package.name},
      {"version", package.version},
      {"purl", purl},
      {"properties",
       json::array{json::object{{"name", "holdfast:layer"},
                                {"value", report.layers[component.layer].digest.text()}},
                   json::object{{"name", "holdfast:detector"}, {"value", package.detector}}}},
      {"evidence", json::object{{"occurrences", std::move(places)}}}};
  if (!licenses.empty()) shown.emplace("licenses", std::move(licenses));
  return shown;
}

}  // namespace

std::string to_spdx(const ImageReport& report, const SbomSubject& subject) {
  json::array packages = {json::object{
      {"SPDXID", "SPDXRef-Image"},
      {"name", subject.name},
      {"versionInfo", subject.digest.text()},
      {"primaryPackagePurpose", "CONTAINER"},
      {"downloadLocation", "NOASSERTION"},
      {"filesAnalyzed", false},
      {"licenseConcluded", "NOASSERTION"},
      {"licenseDeclared", "NOASSERTION"},
      {"copyrightText", "NOASSERTION"},
      {"externalRefs", json::array{json::object{{"referenceCategory", "PACKAGE-MANAGER"},
                                                {"referenceType", "purl"},
                                                {"referenceLocator", image_purl(subject)}}}}}};
  json::array relations = {json::object{{"spdxElementId", "SPDXRef-DOCUMENT"},
                                        {"relationshipType", "DESCRIBES"},
                                        {"relatedSpdxElement", "SPDXRef-Image"}}};
  std::size_t number = 0;
  for (const Component& component : report.components) {
    if (!component.is_present) continue;
    packages.emplace_back(spdx_package(report, component, ++number));
    relations.emplace_back(
        json::object{{"spdxElementId", "SPDXRef-Image"},
                     {"relationshipType", "CONTAINS"},
                     {"relatedSpdxElement", fmt::format("SPDXRef-Package-{}", number)}});
  }
  return json::serialize(json::object{
      {"spdxVersion", "SPDX-2.3"},
      {"dataLicense", "CC0-1.0"},
      {"SPDXID", "SPDXRef-DOCUMENT"},
      {"name", fmt::format("{}@{}", subject.name, subject.digest.text())},
      {"documentNamespace", fmt::format("https://holdfast.invalid/spdx/{}", serial_of(subject))},
      {"creationInfo",
       json::object{{"created", moment(subject.made_at)},
                    {"creators", json::array{fmt::format("Tool: holdfast-{}", subject.version)}}}},
      {"packages", std::move(packages)},
      {"relationships", std::move(relations)}});
}

std::string to_cyclonedx(const ImageReport& report, const SbomSubject& subject) {
  json::array components;
  for (const Component& component : report.components) {
    if (component.is_present) components.emplace_back(cyclonedx_component(report, component));
  }
  return json::serialize(json::object{
      {"bomFormat", "CycloneDX"},
      {"specVersion", "1.5"},
      {"serialNumber", fmt::format("urn:uuid:{}", serial_of(subject))},
      {"version", 1},
      {"metadata",
       json::object{{"timestamp", moment(subject.made_at)},
                    {"tools", json::object{{"components", json::array{json::object{
                                                              {"type", "application"},
                                                              {"name", "holdfast"},
                                                              {"version", subject.version}}}}}},
                    {"component", json::object{{"type", "container"},
                                               {"bom-ref", "image"},
                                               {"name", subject.name},
                                               {"version", subject.digest.text()},
                                               {"purl", image_purl(subject)}}}}},
      {"components", std::move(components)}});
}

}  // namespace holdfast::scanner
