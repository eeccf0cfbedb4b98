// Scores of CVSS vectors: 2.0, 3.0, 3.1 and 4.0, by FIRST's specifications.
#pragma once

#include <optional>
#include <string_view>

namespace holdfast::cvss {

// CVSS's words for a score. `none` is a score of 0; that nothing is known is no severity at all.
enum class Severity { none, low, medium, high, critical };
std::string_view name(Severity severity);  // "low"

enum class Version { v2, v3_0, v3_1, v4_0 };

struct Score {
  Version version = Version::v3_1;
  int tenths = 0;  // 98: 9.8
  bool operator==(const Score&) const = default;
};

// The base score of a vector ("CVSS:3.1/AV:N/…", CVSS 2 without a prefix, in brackets or not);
// temporal, environmental and supplemental metrics may be there and are checked but do not count
// (threat metrics of 4.0 neither). Nothing for a text that is no vector of its version: a metric
// twice, an unknown one, a missing one.
std::optional<Score> score(std::string_view vector);

// 0.1–3.9 low, 4.0–6.9 medium, 7.0–8.9 high, 9.0–10.0 critical: the scale of CVSS 3 and 4, used
// for scores of every version.
Severity severity(int tenths);

}  // namespace holdfast::cvss
