// What a scan found, for people and for programs. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advisories/database.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "client/layout.hpp"
#include "cvss/score.hpp"
#include "scanner/reports.hpp"

namespace holdfast::scan {

// One package and vulnerability; both belong to the scan.
struct Finding {
  const scanner::Component* component = nullptr;
  const advisories::Match* match = nullptr;
};

struct Scanned {
  std::string target;  // as it was given
  std::string os{};
  std::string architecture{};
  scanner::ImageReport report;
  std::optional<advisories::Info> advisories{};  // nothing: nothing was looked up
  std::vector<std::string> remarks{};            // what could not be read
};

// From what severity on; `unknown` means all, those that nobody rated too.
enum class Threshold { unknown, low, medium, high, critical };
// invalid/kThresholdInvalid.
inline constexpr std::string_view kThresholdInvalid = "threshold_invalid";
Result<Threshold> parse_threshold(std::string_view text);

enum class Only { all, fixed };
// The worst first: by severity, then those that attackers use, by component and name.
std::vector<Finding> findings_of(const scanner::ImageReport& report, Only only);
std::size_t at_or_above(const std::vector<Finding>& findings, Threshold threshold);

std::string as_table(const Scanned& scanned, const std::vector<Finding>& findings,
                     const client::Look& look);
// One object; docs/guide/scanning.md says what is in it.
std::string as_json(const Scanned& scanned, const std::vector<Finding>& findings);
// SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/
std::string as_sarif(const Scanned& scanned, const std::vector<Finding>& findings,
                     std::string_view version);

}  // namespace holdfast::scan
