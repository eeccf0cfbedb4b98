// What an adapter says of itself and of an image, read as what a stranger wrote: JSON of Harbor's
// scanner adapter API v1.2
// (https://github.com/goharbor/pluggable-scanner-spec/blob/master/api/spec/scanner-adapter-openapi-v1.2.yaml).
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cvss/score.hpp"
#include "oci/digest.hpp"
#include "scanner/reports.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kAdapterAnswerInvalid = "adapter_answer_invalid";  // invalid

inline constexpr std::string_view kReportType =
    "application/vnd.security.vulnerability.report; version=1.1";
// Of adapters from before it; the same JSON.
inline constexpr std::string_view kOldReportType =
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0";

struct ScannerName {
  std::string name{};
  std::string vendor{};
  std::string version{};
  bool operator==(const ScannerName&) const = default;
};

struct AdapterMetadata {
  ScannerName scanner{};
  struct Capability {
    std::string type{};  // "vulnerability", "sbom"; "": of adapters from before there were types
    std::vector<std::string> consumes{};
    std::vector<std::string> produces{};
  };
  std::vector<Capability> capabilities{};
  std::string
      database_updated_at{};  // of its vulnerabilities, as it writes it; "": it does not say

  // What it is asked for about images of a media type; null: it cannot look for vulnerabilities in
  // them, or not in a form that is read here.
  [[nodiscard]] const Capability* for_images(std::string_view media_type) const;
};
// kReportType or kOldReportType; "": neither.
std::string_view report_type_of(const AdapterMetadata::Capability& capability);

// Texts are cut, lists too. kAdapterAnswerInvalid.
Result<AdapterMetadata> parse_adapter_metadata(std::string_view json);

// One vulnerability of one package.
struct AdapterFinding {
  std::string vulnerability{};
  std::string package{};
  std::string version{};
  std::string fixed_version{};
  packages::Type type = packages::Type::generic;  // by its PURL, where the adapter says one
  std::optional<cvss::Severity> severity{};       // nothing: unknown
  std::optional<cvss::Score> score{};
  std::string vector{};
  std::string summary{};
  std::vector<std::string> urls{};
  std::string layer{};  // the digest of the one that brings it; "": not said
  bool operator==(const AdapterFinding&) const = default;
};

struct AdapterReport {
  ScannerName scanner{};
  std::vector<AdapterFinding> findings{};
  bool operator==(const AdapterReport&) const = default;
};

// A finding without a name or a package makes the report kAdapterAnswerInvalid; texts and links are
// cut to a size. too_large/kImageTooLarge: more than kFindingsAtMost findings or kComponentsAtMost
// packages.
Result<AdapterReport> parse_adapter_report(std::string_view json);
// The same again for parse_adapter_report(): how it is stored.
std::string to_json(const AdapterReport& report);

// As a report of ours. What has no layer of these is shown in the topmost one, which is the image's
// own: a waiver there hides nothing in others. `layers` from the bottom up.
ImageReport to_image_report(const AdapterReport& report, const oci::Digest& digest,
                            const std::vector<oci::Digest>& layers);

}  // namespace holdfast::scanner
