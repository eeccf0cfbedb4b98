// CVSS 2.0: https://www.first.org/cvss/v2/guide
#include <array>
#include <cmath>

#include "cvss/metrics.hpp"

namespace holdfast::cvss {

namespace {

constexpr std::array kMetrics = {
    Metric{"AV", "L A N", true},     Metric{"AC", "H M L", true},  Metric{"Au", "M S N", true},
    Metric{"C", "N P C", true},      Metric{"I", "N P C", true},   Metric{"A", "N P C", true},
    Metric{"E", "U POC F H ND"},     Metric{"RL", "OF TF W U ND"}, Metric{"RC", "UC UR C ND"},
    Metric{"CDP", "N L LM MH H ND"}, Metric{"TD", "N L M H ND"},   Metric{"CR", "L M H ND"},
    Metric{"IR", "L M H ND"},        Metric{"AR", "L M H ND"}};

double impact_of(std::string_view value) {
  return value == "C" ? 0.66 : value == "P" ? 0.275 : 0.0;
}

}  // namespace

std::optional<int> score_v2(std::string_view vector) {
  const auto read = read_metrics(vector, kMetrics);
  if (!read) return std::nullopt;
  const auto& of = read->of;
  const double vectors = of[0] == "N" ? 1.0 : of[0] == "A" ? 0.646 : 0.395;
  const double complexity = of[1] == "L" ? 0.71 : of[1] == "M" ? 0.61 : 0.35;
  const double authentication = of[2] == "N" ? 0.704 : of[2] == "S" ? 0.56 : 0.45;
  const double impact =
      10.41 * (1 - (1 - impact_of(of[3])) * (1 - impact_of(of[4])) * (1 - impact_of(of[5])));
  const double exploitability = 20 * vectors * complexity * authentication;
  const double factor = impact == 0 ? 0 : 1.176;
  const double score = (0.6 * impact + 0.4 * exploitability - 1.5) * factor;
  // To the nearest tenth; the small part is for what a double cannot hold.
  return static_cast<int>(std::floor(score * 10 + 0.5 + 1e-9));
}

}  // namespace holdfast::cvss
