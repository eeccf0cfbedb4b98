#include "scanner/adapter_report.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "codec/json.hpp"
#include "codec/text.hpp"

namespace holdfast::scanner {

namespace {

namespace json = boost::json;

constexpr std::size_t kDepth = 16;
constexpr std::size_t kMemoryBytes = 256UZ << 20U;
constexpr std::size_t kNameBytes = 256;
constexpr std::size_t kPackageBytes = 512;
constexpr std::size_t kSummaryBytes = 1024;
constexpr std::size_t kUrlBytes = 1024;
constexpr std::size_t kUrlsAtMost = 5;
constexpr std::size_t kCapabilitiesAtMost = 32;
constexpr std::size_t kMediaTypesAtMost = 100;

constexpr std::string_view kDatabaseUpdated =
    "harbor.scanner-adapter/vulnerability-database-updated-at";

Error invalid(std::string_view what) {
  return fail(ErrorCode::invalid, kAdapterAnswerInvalid,
              fmt::format("the answer is no {} of the scanner adapter API", what));
}

// One line of text.
std::string line(std::string_view text, std::size_t at_most) {
  std::string out = codec::to_text(text, at_most);
  std::ranges::replace_if(out, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return out;
}

std::string text(const json::value& value, std::string_view name, std::size_t at_most) {
  return line(codec::string_member(value, name).value_or(""), at_most);
}

std::vector<std::string> texts(const json::value& value, std::string_view name,
                               std::size_t at_most) {
  std::vector<std::string> found;
  for (const json::value& one : codec::list_member(value, name)) {
    if (found.size() >= at_most) break;
    if (one.is_string()) found.push_back(line(one.get_string(), kNameBytes));
  }
  return found;
}

ScannerName scanner_of(const json::value& value) {
  const json::value* scanner = codec::member(value, "scanner");
  if (scanner == nullptr) return {};
  return {.name = text(*scanner, "name", kNameBytes),
          .vendor = text(*scanner, "vendor", kNameBytes),
          .version = text(*scanner, "version", kNameBytes)};
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// Media types are compared without blanks and case: "…; version=1.1" is written "…;version=1.1".
std::string plain_type(std::string_view media_type) {
  std::string out = lowered(media_type);
  std::erase_if(out, [](char c) { return c == ' ' || c == '"'; });
  return out;
}

bool names(const std::vector<std::string>& types, std::string_view wanted) {
  return std::ranges::any_of(
      types, [&](const std::string& one) { return plain_type(one) == plain_type(wanted); });
}

constexpr auto kSeverities = std::to_array<std::pair<std::string_view, cvss::Severity>>({
    {"critical", cvss::Severity::critical},
    {"high", cvss::Severity::high},
    {"medium", cvss::Severity::medium},
    {"low", cvss::Severity::low},
    {"negligible", cvss::Severity::low},
    {"none", cvss::Severity::none},
});

std::optional<cvss::Severity> severity_of(std::string_view word) {
  const std::string wanted = lowered(word);
  const auto* const found =
      std::ranges::find(kSeverities, wanted, [](const auto& entry) { return entry.first; });
  if (found == kSeverities.end()) return std::nullopt;
  return found->second;
}

std::string_view word_of(std::optional<cvss::Severity> severity) {
  if (!severity) return "Unknown";
  const auto* const found =
      std::ranges::find(kSeverities, *severity, [](const auto& entry) { return entry.second; });
  return found == kSeverities.end() ? "Unknown" : found->first;
}

// A score from 0 to 10, in tenths.
std::optional<int> tenths(const json::value& value, std::string_view name) {
  const json::value* found = codec::member(value, name);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const auto score = found->to_number<double>();
  if (!(score >= 0 && score <= 10)) return std::nullopt;
  return static_cast<int>(std::lround(score * 10));
}

void take_score(const json::value& item, AdapterFinding& finding) {
  const json::value* preferred = codec::member(item, "preferred_cvss");
  if (preferred == nullptr) return;
  for (const auto& [score_name, vector_name, version] :
       {std::tuple{"score_v3", "vector_v3", cvss::Version::v3_1},
        std::tuple{"score_v2", "vector_v2", cvss::Version::v2}}) {
    const auto score = tenths(*preferred, score_name);
    if (!score) continue;
    finding.score = cvss::Score{.version = version, .tenths = *score};
    finding.vector = text(*preferred, vector_name, kNameBytes);
    return;
  }
}

// "pkg:deb/debian/bash@5": deb.
packages::Type type_of(std::string_view purl) {
  if (!purl.starts_with("pkg:")) return packages::Type::generic;
  purl.remove_prefix(4);
  return packages::type_of(purl.substr(0, purl.find('/'))).value_or(packages::Type::generic);
}

void take_urls(const json::value& item, AdapterFinding& finding) {
  for (const json::value& link : codec::list_member(item, "links")) {
    if (finding.urls.size() >= kUrlsAtMost) return;
    if (!link.is_string()) continue;
    const std::string_view url = link.get_string();
    // Others are for no browser: "javascript:".
    const bool is_web = url.starts_with("https://") || url.starts_with("http://");
    if (is_web && url.size() <= kUrlBytes) finding.urls.push_back(line(url, kUrlBytes));
  }
}

Result<AdapterFinding> finding_of(const json::value& item) {
  AdapterFinding finding{.vulnerability = text(item, "id", kNameBytes),
                         .package = text(item, "package", kPackageBytes),
                         .version = text(item, "version", kNameBytes),
                         .fixed_version = text(item, "fix_version", kNameBytes),
                         .type = type_of(codec::string_member(item, "purl").value_or("")),
                         .severity = severity_of(text(item, "severity", kNameBytes)),
                         .summary = text(item, "description", kSummaryBytes)};
  if (finding.vulnerability.empty() || finding.package.empty()) return invalid("report");
  take_score(item, finding);
  take_urls(item, finding);
  const json::value* layer = codec::member(item, "layer");
  if (layer != nullptr) {
    const auto digest = oci::Digest::parse(codec::string_member(*layer, "digest").value_or(""));
    if (digest) finding.layer = digest->text();
  }
  return finding;
}

advisories::Match match_of(const AdapterFinding& finding) {
  return {.id = finding.vulnerability,
          .ids = {finding.vulnerability},
          .summary = finding.summary,
          .fixed_version = finding.fixed_version,
          .severity = finding.severity,
          .score = finding.score,
          .vector = finding.vector,
          .urls = finding.urls};
}

// The worst first, then by name, as the advisories' own answers.
void sort(std::vector<advisories::Match>& matches) {
  std::ranges::sort(matches, {}, [](const advisories::Match& match) {
    return std::tuple(match.severity ? -static_cast<int>(*match.severity) : 1,
                      std::string_view(match.id));
  });
}

}  // namespace

const AdapterMetadata::Capability* AdapterMetadata::for_images(std::string_view media_type) const {
  const auto found = std::ranges::find_if(capabilities, [&](const Capability& one) {
    return (one.type.empty() || one.type == "vulnerability") && names(one.consumes, media_type) &&
           !report_type_of(one).empty();
  });
  return found == capabilities.end() ? nullptr : &*found;
}

std::string_view report_type_of(const AdapterMetadata::Capability& capability) {
  for (const std::string_view type : {kReportType, kOldReportType}) {
    if (names(capability.produces, type)) return type;
  }
  return "";
}

Result<AdapterMetadata> parse_adapter_metadata(std::string_view json_text) {
  const auto parsed = codec::parse_json_within(json_text, kDepth, kMemoryBytes);
  if (!parsed) return invalid("metadata");
  AdapterMetadata metadata{.scanner = scanner_of(*parsed)};
  const json::array& capabilities = codec::list_member(*parsed, "capabilities");
  if (metadata.scanner.name.empty() || capabilities.empty()) return invalid("metadata");
  for (const json::value& one : capabilities) {
    if (metadata.capabilities.size() >= kCapabilitiesAtMost) break;
    metadata.capabilities.push_back(
        {.type = text(one, "type", kNameBytes),
         .consumes = texts(one, "consumes_mime_types", kMediaTypesAtMost),
         .produces = texts(one, "produces_mime_types", kMediaTypesAtMost)});
  }
  if (const json::value* properties = codec::member(*parsed, "properties")) {
    metadata.database_updated_at = text(*properties, kDatabaseUpdated, kNameBytes);
  }
  return metadata;
}

Result<AdapterReport> parse_adapter_report(std::string_view json_text) {
  const auto parsed = codec::parse_json_within(json_text, kDepth, kMemoryBytes);
  if (!parsed && parsed.error().reason == codec::kJsonTooLarge) {
    return fail(ErrorCode::too_large, kImageTooLarge, "the report takes too much memory");
  }
  if (!parsed || !parsed->is_object()) return invalid("report");
  AdapterReport report{.scanner = scanner_of(*parsed)};
  const json::value* found = codec::member(*parsed, "vulnerabilities");
  if (found == nullptr || found->is_null()) return report;  // none
  if (!found->is_array()) return invalid("report");
  const json::array& items = found->get_array();
  if (items.size() > kFindingsAtMost) {
    return fail(ErrorCode::too_large, kImageTooLarge,
                fmt::format("the report has more than {} findings", kFindingsAtMost));
  }
  std::set<std::pair<std::string_view, std::string_view>> known;
  report.findings.reserve(items.size());  // so that what is known stays where it is
  for (const json::value& item : items) {
    HF_TRY(AdapterFinding finding, finding_of(item));
    report.findings.push_back(std::move(finding));
    known.emplace(report.findings.back().package, report.findings.back().version);
    if (known.size() > kComponentsAtMost) {
      return fail(ErrorCode::too_large, kImageTooLarge,
                  fmt::format("the report has more than {} packages", kComponentsAtMost));
    }
  }
  return report;
}

std::string to_json(const AdapterReport& report) {
  json::array items;
  for (const AdapterFinding& finding : report.findings) {
    json::object item = {{"id", finding.vulnerability},
                         {"package", finding.package},
                         {"version", finding.version},
                         {"fix_version", finding.fixed_version},
                         {"severity", word_of(finding.severity)},
                         {"description", finding.summary},
                         {"links", json::array(finding.urls.begin(), finding.urls.end())}};
    if (finding.type != packages::Type::generic) {
      item["purl"] = fmt::format("pkg:{}/", packages::name(finding.type));
    }
    if (!finding.layer.empty()) item["layer"] = json::object{{"digest", finding.layer}};
    if (finding.score) {
      const bool is_v2 = finding.score->version == cvss::Version::v2;
      item["preferred_cvss"] =
          json::object{{is_v2 ? "score_v2" : "score_v3", finding.score->tenths / 10.0},
                       {is_v2 ? "vector_v2" : "vector_v3", finding.vector}};
    }
    items.emplace_back(std::move(item));
  }
  return json::serialize(
      json::object{{"scanner", json::object{{"name", report.scanner.name},
                                            {"vendor", report.scanner.vendor},
                                            {"version", report.scanner.version}}},
                   {"vulnerabilities", std::move(items)}});
}

ImageReport to_image_report(const AdapterReport& report, const oci::Digest& digest,
                            const std::vector<oci::Digest>& layers) {
  ImageReport image{.digest = digest};
  std::map<std::string_view, std::uint32_t> positions;
  for (const oci::Digest& layer : layers) {
    positions.try_emplace(layer.text(), static_cast<std::uint32_t>(image.layers.size()));
    image.layers.push_back({.digest = layer});
  }
  const std::uint32_t topmost = layers.empty() ? 0 : static_cast<std::uint32_t>(layers.size() - 1);
  using Identity = std::tuple<packages::Type, std::string_view, std::string_view, std::uint32_t>;
  std::map<Identity, std::map<std::string_view, const AdapterFinding*>> by_package;
  for (const AdapterFinding& finding : report.findings) {
    const auto position = positions.find(finding.layer);
    const std::uint32_t layer = position == positions.end() ? topmost : position->second;
    by_package[{finding.type, finding.package, finding.version, layer}].try_emplace(
        finding.vulnerability, &finding);
  }
  if (image.layers.empty()) return image;
  for (const auto& [identity, findings] : by_package) {
    const auto& [type, name, version, layer] = identity;
    auto answer = std::make_shared<advisories::Answer>();
    for (const auto& entry : findings) answer->matches.push_back(match_of(*entry.second));
    sort(answer->matches);
    for (const advisories::Match& match : answer->matches) count(match, image.counts);
    image.components.push_back({.package = {.type = type,
                                            .name = std::string(name),
                                            .version = std::string(version),
                                            .detector = report.scanner.name},
                                .layer = layer,
                                .answer = std::move(answer)});
  }
  put_in_order(image);
  return image;
}

}  // namespace holdfast::scanner
