// CVSS 3.0 and 3.1: https://www.first.org/cvss/v3.1/specification-document, section 7 and appendix
// A. They differ in how they round up.
#include <algorithm>
#include <array>
#include <cmath>

#include "cvss/metrics.hpp"

namespace holdfast::cvss {

namespace {

constexpr std::array kMetrics = {
    Metric{"AV", "N A L P", true}, Metric{"AC", "L H", true},  Metric{"PR", "N L H", true},
    Metric{"UI", "N R", true},     Metric{"S", "U C", true},   Metric{"C", "N L H", true},
    Metric{"I", "N L H", true},    Metric{"A", "N L H", true}, Metric{"E", "X U P F H"},
    Metric{"RL", "X O T W U"},     Metric{"RC", "X U R C"},    Metric{"CR", "X L M H"},
    Metric{"IR", "X L M H"},       Metric{"AR", "X L M H"},    Metric{"MAV", "X N A L P"},
    Metric{"MAC", "X L H"},        Metric{"MPR", "X N L H"},   Metric{"MUI", "X N R"},
    Metric{"MS", "X U C"},         Metric{"MC", "X N L H"},    Metric{"MI", "X N L H"},
    Metric{"MA", "X N L H"}};

double impact_of(std::string_view value) { return value == "H" ? 0.56 : value == "L" ? 0.22 : 0.0; }

double privileges_of(std::string_view value, bool is_changed) {
  if (value == "N") return 0.85;
  if (value == "L") return is_changed ? 0.68 : 0.62;
  return is_changed ? 0.5 : 0.27;
}

// 3.1 leaves out what a double adds by itself.
int rounded_up(double score, Rounding rounding) {
  if (rounding == Rounding::v3_0) return static_cast<int>(std::ceil(score * 10));
  const auto scaled = static_cast<long>(std::lround(score * 100'000));
  return static_cast<int>(scaled % 10'000 == 0 ? scaled / 10'000 : scaled / 10'000 + 1);
}

}  // namespace

std::optional<int> score_v3(std::string_view vector, Rounding rounding) {
  const auto read = read_metrics(vector, kMetrics);
  if (!read) return std::nullopt;
  const auto& of = read->of;
  const bool is_changed = of[4] == "C";
  const double base = 1 - (1 - impact_of(of[5])) * (1 - impact_of(of[6])) * (1 - impact_of(of[7]));
  const double impact =
      is_changed ? 7.52 * (base - 0.029) - 3.25 * std::pow(base - 0.02, 15) : 6.42 * base;
  if (impact <= 0) return 0;
  const double vectors = of[0] == "N" ? 0.85 : of[0] == "A" ? 0.62 : of[0] == "L" ? 0.55 : 0.2;
  const double exploitability = 8.22 * vectors * (of[1] == "L" ? 0.77 : 0.44) *
                                privileges_of(of[2], is_changed) * (of[3] == "N" ? 0.85 : 0.62);
  const double sum = impact + exploitability;
  return rounded_up(std::min(is_changed ? 1.08 * sum : sum, 10.0), rounding);
}

}  // namespace holdfast::cvss
