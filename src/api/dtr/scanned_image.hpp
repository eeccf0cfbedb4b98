// An image of a repository with what is known of its scan, for whatever shows it.
#pragma once

#include <string>
#include <string_view>

#include "api/dtr/handlers.hpp"
#include "api/dtr/scan_words.hpp"
#include "base/result.hpp"
#include "oci/digest.hpp"
#include "oci/manifest.hpp"
#include "repos/content.hpp"

namespace holdfast::api::dtr {

struct ScanTarget {
  holdfast::oci::Digest digest;
  holdfast::oci::Manifest manifest;
  std::string os;  // "": its config cannot be read
  std::string architecture;
};
Result<ScanTarget> scan_target(const Services& services, const repos::Repository& repository,
                               const repos::StoredManifest& stored);

// counts: the packages are read only where an override may hide something of them.
enum class ScanWith { counts, report };
// Blocks. The answer refers to `repository` and `target`. An image that has too much in it to be
// shown counts as failed.
Result<ScannedImage> scanned(const Services& services, const repos::Repository& repository,
                             std::string_view tag, const ScanTarget& target, ScanWith with);

}  // namespace holdfast::api::dtr
