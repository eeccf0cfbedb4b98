// The packages of an image as a bill of materials, in the two forms that tools read. Pure.
// SPDX 2.3: https://spdx.github.io/spdx-spec/v2.3/ · CycloneDX 1.5:
// https://cyclonedx.org/docs/1.5/json/
#pragma once

#include <string>

#include "base/clock.hpp"
#include "oci/digest.hpp"
#include "scanner/reports.hpp"

namespace holdfast::scanner {

// What it is of, and when and by what it was made.
struct SbomSubject {
  std::string name;    // "dtr.mydns.com/acme/app"
  std::string tag;     // may be empty
  oci::Digest digest;  // of the manifest
  Timestamp made_at{};
  std::string version;  // of this program
};

inline constexpr std::string_view kSpdxMediaType = "application/spdx+json";
inline constexpr std::string_view kCyclonedxMediaType = "application/vnd.cyclonedx+json";

// What the image has; not what a layer brought and a later one took away. The same for the same
// report, subject and time.
std::string to_spdx(const ImageReport& report, const SbomSubject& subject);
std::string to_cyclonedx(const ImageReport& report, const SbomSubject& subject);

}  // namespace holdfast::scanner
