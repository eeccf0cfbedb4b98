#include "cvss/score.hpp"

#include <array>
#include <utility>

#include "cvss/metrics.hpp"

namespace holdfast::cvss {

namespace {

std::optional<Score> made(Version version, std::optional<int> tenths) {
  if (!tenths) return std::nullopt;
  return Score{.version = version, .tenths = *tenths};
}

std::optional<std::string_view> behind(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

}  // namespace

std::string_view name(Severity severity) {
  constexpr std::array<std::string_view, 5> kNames = {"none", "low", "medium", "high", "critical"};
  return kNames.at(static_cast<std::size_t>(severity));
}

std::optional<Score> score(std::string_view vector) {
  if (const auto rest = behind(vector, "CVSS:3.1/")) {
    return made(Version::v3_1, score_v3(*rest, Rounding::v3_1));
  }
  if (const auto rest = behind(vector, "CVSS:3.0/")) {
    return made(Version::v3_0, score_v3(*rest, Rounding::v3_0));
  }
  if (const auto rest = behind(vector, "CVSS:4.0/")) return made(Version::v4_0, score_v4(*rest));
  if (vector.starts_with('(') && vector.ends_with(')')) {
    vector = vector.substr(1, vector.size() - 2);
  }
  return made(Version::v2, score_v2(behind(vector, "CVSS:2.0/").value_or(vector)));
}

Severity severity(int tenths) {
  if (tenths <= 0) return Severity::none;
  if (tenths < 40) return Severity::low;
  if (tenths < 70) return Severity::medium;
  return tenths < 90 ? Severity::high : Severity::critical;
}

}  // namespace holdfast::cvss
