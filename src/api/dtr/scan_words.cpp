#include "api/dtr/scan_words.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

#include "base/clock.hpp"
#include "codec/text.hpp"
#include "crypto/hash.hpp"
#include "packages/purl.hpp"

namespace holdfast::api::dtr {

namespace {

namespace json = boost::json;

using scanner::Component;
using scanner::Counts;
using scanner::State;

constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

std::string time_or_never(const std::optional<Timestamp>& when) {
  return when ? rfc3339(*when) : std::string(kNever);
}

double cvss_of(const advisories::Match& match) {
  if (match.score) return match.score->tenths / 10.0;
  if (!match.severity) return 0;
  // Rated in words alone: where the bucket of the word begins.
  constexpr std::array<double, 5> kLeast = {0, 0.1, 4.0, 7.0, 9.0};
  return kLeast.at(static_cast<std::size_t>(*match.severity));
}

const scanner::Waiver* waiver_of(const ScannedImage& image, const Component& component,
                                 const advisories::Match& match) {
  return image.waivers->find(*image.report, component, match, image.now);
}

Counts counts_of(const ScannedImage& image) {
  if (image.report) return image.waivers->left(*image.report, image.now);
  return image.scan ? image.scan->counts : Counts();
}

State state_of(const ScannedImage& image) {
  return image.scan ? image.scan->state : State::unscanned;
}

// Whether another scan could tell more: it failed, another scanner made it, or advisories came.
bool should_rescan(const ScannedImage& image) {
  if (!image.scan) return true;
  return image.scan->state == State::failed || image.scan->state == State::unscanned ||
         (image.scan->scanner_name.empty() && image.scan->scanner != scanner::kScannerVersion);
}

// Who found what is shown: the built-in scanner, or the one that the repository has.
json::object shown_scanner(const ScannedImage& image) {
  if (image.scan && !image.scan->scanner_name.empty()) {
    return {{"name", image.scan->scanner_name},
            {"vendor", image.scan->scanner_vendor},
            {"version", image.scan->scanner}};
  }
  return {{"name", "Holdfast"}, {"vendor", ""}, {"version", image.scan ? image.scan->scanner : ""}};
}

bool has_foreign_layers(const ScannedImage& image) {
  return image.report && std::ranges::any_of(image.report->layers, [](const auto& layer) {
           return layer.state == scanner::LayerState::foreign;
         });
}

json::array texts(const std::vector<std::string>& list) {
  json::array shown;
  for (const std::string& text : list) shown.emplace_back(text);
  return shown;
}

json::object shown_vulnerability(const ScannedImage& image, const Component& component,
                                 const advisories::Match& match) {
  json::array notes;
  const scanner::Waiver* waiver = waiver_of(image, component, match);
  if (waiver != nullptr) {
    notes.emplace_back(json::object{{"type", "override"}, {"reason", waiver->notes}});
  }
  return {{"vuln", json::object{{"cve", match.id},
                                {"cvss", cvss_of(match)},
                                {"summary", match.summary},
                                {"severity", scanner::severity_word(match)},
                                {"vector", match.vector},
                                {"fixedVersion", match.fixed_version},
                                {"ids", texts(match.ids)},
                                {"urls", texts(match.urls)},
                                {"isExploited", match.is_exploited}}},
          {"exact", !match.is_inexact},
          {"isHidden", waiver != nullptr},
          {"notes", std::move(notes)}};
}

json::object shown_component(const ScannedImage& image, const Component& component) {
  json::array vulns;
  for (const advisories::Match& match : component.matches()) {
    vulns.emplace_back(shown_vulnerability(image, component, match));
  }
  const auto& known = image.report->release;
  const packages::Release* release = known ? &*known : nullptr;
  json::object shown = {{"component", component.package.name},
                        {"version", component.package.version},
                        {"fullpath", texts(component.paths)},
                        {"vulns", std::move(vulns)},
                        {"type", packages::name(component.package.type)},
                        {"purl", packages::purl(component.package, release)},
                        {"coverage", scanner::coverage_word(component)}};
  if (!component.package.licenses.empty()) {
    shown.emplace("license", shown_license(component.package.licenses.front()));
  }
  return shown;
}

json::array layer_details(const ScannedImage& image) {
  json::array layers;
  for (const scanner::LayerReport& layer : image.report->layers) {
    json::array components;
    for (const std::uint32_t index : layer.components) {
      components.emplace_back(shown_component(image, image.report->components[index]));
    }
    layers.emplace_back(json::object{{"sha256sum", layer.digest.text()},
                                     {"components", std::move(components)},
                                     {"remarks", texts(layer.remarks)}});
  }
  return layers;
}

// The same for the same component in any image.
std::string component_key(const Component& component) {
  crypto::Hasher hasher(crypto::HashAlgorithm::sha256);
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}", packages::name(component.package.type), component.package.name,
                  component.package.version, component.package.source_name);
  hasher.update(std::as_bytes(std::span(text)));
  return codec::hex(hasher.digest()).substr(0, 32);
}

Counts counts_of(const ScannedImage& image, const Component& component) {
  Counts counts;
  for (const advisories::Match& match : component.matches()) {
    if (waiver_of(image, component, match) == nullptr) scanner::count(match, counts);
  }
  return counts;
}

json::array shown_components(const ScannedImage& image) {
  json::array shown;
  for (const Component& component : image.report->components) {
    if (!component.is_present) continue;
    json::array cves;
    for (const auto& match : component.matches()) cves.emplace_back(match.id);
    shown.emplace_back(json::object{{"componentPK", component_key(component)},
                                    {"name", component.package.name},
                                    {"version", component.package.version},
                                    {"source", component.package.detector},
                                    {"vulnCount", shown_counts(counts_of(image, component))},
                                    {"cves", std::move(cves)},
                                    {"licenses", texts(component.package.licenses)},
                                    {"filepaths", texts(component.paths)},
                                    {"coverage", scanner::coverage_word(component)}});
  }
  return shown;
}

json::array shown_layers(const ScannedImage& image) {
  json::array shown;
  for (std::size_t i = 0; i < image.report->layers.size(); ++i) {
    const scanner::LayerReport& layer = image.report->layers[i];
    json::array components;
    for (const std::uint32_t index : layer.components) {
      components.emplace_back(component_key(image.report->components[index]));
    }
    const bool is_named = i < image.manifest.layers.size();
    shown.emplace_back(
        json::object{{"digest", layer.digest.text()},
                     {"mediaType", is_named ? image.manifest.layers[i].media_type : ""},
                     {"author", ""},
                     {"size", is_named ? image.manifest.layers[i].size_bytes : 0},
                     {"components", std::move(components)}});
  }
  return shown;
}

json::array shown_cves(const ScannedImage& image) {
  json::array shown;
  std::set<std::string_view> seen;
  for (const Component& component : image.report->components) {
    for (const advisories::Match& match : component.matches()) {
      if (!seen.insert(match.id).second) continue;
      const scanner::Waiver* waiver = waiver_of(image, component, match);
      shown.emplace_back(json::object{{"cvePK", match.id},
                                      {"cvss", cvss_of(match)},
                                      {"summary", match.summary},
                                      {"severity", scanner::severity_word(match)},
                                      {"notes", waiver == nullptr ? "" : waiver->notes}});
    }
  }
  return shown;
}

json::array shown_licenses(const ScannedImage& image) {
  std::set<std::string_view> seen;
  json::array shown;
  for (const Component& component : image.report->components) {
    if (!component.is_present) continue;
    for (const std::string& license : component.package.licenses) {
      if (seen.insert(license).second) shown.emplace_back(shown_license(license));
    }
  }
  return shown;
}

// Waivers of this image's layers and repository.
json::array shown_waivers(const ScannedImage& image) {
  std::set<std::string> layers;
  for (const auto& layer : image.report->layers) layers.insert(layer.digest.text());
  json::array shown;
  for (const scanner::Waiver& waiver : image.waivers->all()) {
    const bool is_here = (waiver.layer.empty() || layers.contains(waiver.layer)) &&
                         (waiver.image.empty() || waiver.image == image.digest.text());
    if (!is_here) continue;
    json::object one = shown_waiver(waiver);
    if (!image.names_authors) one["author"] = "";
    shown.emplace_back(std::move(one));
  }
  return shown;
}

std::string quoted(std::string_view text) {
  // A spreadsheet must not take it for a formula.
  std::string out = "\"";
  if (!text.empty() && std::string_view("=+-@\t\r").contains(text.front())) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

json::object shown_counts(const Counts& counts) {
  return {{"critical", counts.critical + counts.high},
          {"major", counts.medium},
          {"minor", counts.low},
          {"unknown", counts.unknown},
          {"cvss", json::object{{"critical", counts.critical},
                                {"high", counts.high},
                                {"medium", counts.medium},
                                {"low", counts.low},
                                {"unknown", counts.unknown}}},
          {"fixable", counts.fixable},
          {"exploited", counts.exploited}};
}

json::object shown_license(std::string_view license) {
  // A class for people, by the family of the name; an expression is of its strictest part.
  const auto has = [&](std::string_view part) { return license.contains(part); };
  const bool is_weak = has("LGPL") || has("MPL") || has("EPL") || has("CDDL");
  const bool is_copyleft = has("GPL") && !has("LGPL");
  const bool is_known = has("MIT") || has("BSD") || has("Apache") || has("ISC") || has("Zlib") ||
                        has("Unlicense") || has("public-domain") || has("PSF") || has("Python");
  const bool is_one = !license.empty() && std::ranges::all_of(license, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.';
  });
  return {{"name", license},
          {"type", is_copyleft ? "copyleft"
                   : is_weak   ? "weak copyleft"
                   : is_known  ? "permissive"
                               : "other"},
          {"url", is_one ? fmt::format("https://spdx.org/licenses/{}.html", license) : ""}};
}

json::object shown_waiver(const scanner::Waiver& waiver) {
  json::object shown = {{"pk", waiver.uuid},
                        {"digest", waiver.layer},
                        {"cve", waiver.vulnerability},
                        {"component", waiver.component},
                        {"componentVersion", waiver.version},
                        {"notes", waiver.notes},
                        {"author", waiver.author},
                        {"image", waiver.image},
                        {"componentType", waiver.type},
                        {"distribution", waiver.distribution},
                        {"architecture", waiver.architecture},
                        {"document", waiver.document},
                        {"createdAt", rfc3339(waiver.created_at)}};
  if (waiver.expires_at) shown.emplace("expiresAt", rfc3339(*waiver.expires_at));
  return shown;
}

json::object old_summary(const ScannedImage& image, ScanDetail detail) {
  const Counts counts = counts_of(image);
  json::object shown = shown_counts(counts);
  shown["namespace"] = image.repository.name.ns();
  shown["reponame"] = image.repository.name.repository();
  shown["tag"] = image.tag;
  shown["last_scan_status"] = static_cast<int>(state_of(image));
  shown["check_completed_at"] =
      time_or_never(image.scan ? image.scan->checked_at : std::optional<Timestamp>());
  shown["should_rescan"] = should_rescan(image);
  shown["has_foreign_layers"] = has_foreign_layers(image);
  shown["digest"] = image.digest.text();
  shown["os"] = image.scan ? image.scan->os : "";
  shown["architecture"] = image.scan ? image.scan->architecture : "";
  shown["reason"] = image.scan ? image.scan->reason : "";
  shown["scanner"] = shown_scanner(image);
  shown["advisories"] = image.scan ? image.scan->advisories : "";
  shown["notCovered"] = image.scan ? image.scan->not_covered : 0;
  shown["layersDone"] = image.scan ? image.scan->layers_done : 0;
  shown["layersTotal"] = image.scan ? image.scan->layers_total : 0;
  if (image.report) shown["found"] = shown_counts(image.report->counts);
  if (detail == ScanDetail::full) {
    shown["layer_details"] = image.report ? layer_details(image) : json::array();
  }
  return shown;
}

json::object scan_summary(const ScannedImage& image) {
  double worst = 0;
  if (image.report) {
    for (const Component& component : image.report->components) {
      for (const auto& match : component.matches()) worst = std::max(worst, cvss_of(match));
    }
  }
  json::object scanned = {
      {"pk", fmt::format("{}@{}", image.repository.name.text(), image.digest.text())},
      {"namespace", image.repository.name.ns()},
      {"repository", image.repository.name.repository()},
      {"tag", image.tag},
      {"manifestDigest", image.digest.text()},
      {"maxCVSSValue", worst},
      {"totalVulnCount", shown_counts(counts_of(image))},
      {"scannerFingerprint",
       json::object{{"scannerType", 0},
                    {"version", json::array{std::string(image.scan ? image.scan->scanner : "")}}}},
      {"layers", image.report ? shown_layers(image) : json::array()},
      {"components", image.report ? shown_components(image) : json::array()},
      {"cves", image.report ? shown_cves(image) : json::array()},
      {"licenses", image.report ? shown_licenses(image) : json::array()},
      {"vulnOverrides", image.report ? shown_waivers(image) : json::array()}};
  return {{"scanStatus", static_cast<int>(state_of(image))},
          {"shouldRescan", should_rescan(image)},
          {"scanner", shown_scanner(image)},
          {"scannedImage", std::move(scanned)}};
}

json::object tag_scan(const ScannedImage& image) {
  return {{"vuln_summary", old_summary(image, ScanDetail::counts)},
          {"components", image.report ? shown_components(image) : json::array()},
          {"licenses", image.report ? shown_licenses(image) : json::array()}};
}

std::string findings_csv(const ScannedImage& image) {
  std::string csv =
      "layer,component,version,type,license,vulnerability,severity,cvss,fixed version,exploited,"
      "hidden,summary\r\n";
  if (!image.report) return csv;
  for (const Component& component : image.report->components) {
    for (const advisories::Match& match : component.matches()) {
      csv += fmt::format(
          "{},{},{},{},{},{},{},{:.1f},{},{},{},{}\r\n",
          image.report->layers[component.layer].digest.text(), quoted(component.package.name),
          quoted(component.package.version), packages::name(component.package.type),
          quoted(component.package.licenses.empty() ? "" : component.package.licenses.front()),
          quoted(match.id), scanner::severity_word(match), cvss_of(match),
          quoted(match.fixed_version), match.is_exploited,
          waiver_of(image, component, match) != nullptr, quoted(match.summary));
    }
  }
  return csv;
}

}  // namespace holdfast::api::dtr
