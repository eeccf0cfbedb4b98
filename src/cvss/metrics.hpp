// The metrics of a vector: "AV:N/AC:L/…".
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace holdfast::cvss {

// A metric of a version of CVSS, and the values that it may have, each one or more letters, with
// blanks between them.
struct Metric {
  std::string_view name;
  std::string_view values;
  bool is_required = false;  // part of the base score
};

// The values of `metrics` in a vector, in their order; "" for one that is absent. Nothing when a
// metric is unknown, stands there twice, has an unknown value or is required and absent.
inline constexpr std::size_t kMetricsAtMost = 40;
struct Values {
  std::string_view of[kMetricsAtMost]{};
};
std::optional<Values> read_metrics(std::string_view vector, std::span<const Metric> metrics);

// Base scores in tenths, of vectors without their prefix.
std::optional<int> score_v2(std::string_view vector);
enum class Rounding { v3_0, v3_1 };
std::optional<int> score_v3(std::string_view vector, Rounding rounding);
std::optional<int> score_v4(std::string_view vector);

}  // namespace holdfast::cvss
