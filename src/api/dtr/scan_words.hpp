// What a scan found, in the words of DTR: its older summary and its newer one.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "oci/manifest.hpp"
#include "repos/repository.hpp"
#include "scanner/reports.hpp"
#include "scanner/scans.hpp"
#include "scanner/waivers.hpp"

namespace holdfast::api::dtr {

// One image of a repository, and what is known of it.
struct ScannedImage {
  const repos::Repository& repository;
  std::string tag;  // "": found by its digest
  holdfast::oci::Digest digest;
  const holdfast::oci::Manifest& manifest;
  std::optional<scanner::Scan> scan;                   // nothing: never asked for
  std::shared_ptr<const scanner::ImageReport> report;  // null: its packages are not known
  std::shared_ptr<const scanner::WaiverSet> waivers;   // never null
  Timestamp now;
  bool names_authors = false;  // of overrides: not to strangers
};

enum class ScanDetail { counts, full };

// {"critical": …, "major": …, "minor": …} in DTR's three buckets: from 7.0, from 4.0, below; with
// CVSS's own beside them.
boost::json::object shown_counts(const scanner::Counts& counts);

// OldScanSummary: dtr-2.7's responses.OldScanSummary, and more.
boost::json::object old_summary(const ScannedImage& image, ScanDetail detail);
// ScanSummary, and more.
boost::json::object scan_summary(const ScannedImage& image);

// What a tag says of its image besides: {"vuln_summary", "components", "licenses"}. The last two
// are empty before its packages are known.
boost::json::object tag_scan(const ScannedImage& image);

// One line for each finding, below a header (RFC 4180).
std::string findings_csv(const ScannedImage& image);

// {"name", "type", "url"}.
boost::json::object shown_license(std::string_view license);

boost::json::object shown_waiver(const scanner::Waiver& waiver);

}  // namespace holdfast::api::dtr
