// One OSV record, as much of it as is kept. https://ossf.github.io/osv-schema/
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advisories/ranges.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "cvss/score.hpp"

namespace holdfast::advisories {

inline constexpr std::string_view kRecordInvalid = "advisory_record_invalid";  // invalid

struct Record {
  std::string id{};
  // Other names of the same vulnerability; with `mends`, names of all or some of them.
  std::vector<std::string> aliases{};
  // The vulnerabilities that it mends, when it is an advisory of a distribution about several: each
  // counts for itself.
  std::vector<std::string> mends{};
  std::string summary{};  // a line
  std::string details{};
  std::optional<cvss::Severity> rating{};  // in words, of the source
  std::string vector{};                    // CVSS 3, else 4, else 2; ""
  std::vector<std::string> urls{};         // a few
  std::optional<Timestamp> modified{};
  bool is_withdrawn = false;

  struct Package {
    std::string ecosystem{};
    std::string name{};
    Affected affected{};
  };
  std::vector<Package> packages{};  // of ecosystems that packages of ours can be in
};

// invalid/kRecordInvalid: no JSON, too deep, no id, members of a wrong type where it matters.
Result<Record> parse_record(std::string_view json);

// The rating that a word stands for, in any case: "MODERATE", "Important".
std::optional<cvss::Severity> severity_of(std::string_view word);

}  // namespace holdfast::advisories
