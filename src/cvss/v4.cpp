// CVSS 4.0: https://www.first.org/cvss/v4.0/specification-document, section 8. The base score: no
// threat and no environmental metrics count, so exploits are taken for reported (E:A), requirements
// for high and no safety is at stake.
#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <optional>

#include "cvss/metrics.hpp"

namespace holdfast::cvss {

namespace {

constexpr std::array kMetrics = {
    Metric{"AV", "N A L P", true}, Metric{"AC", "L H", true},
    Metric{"AT", "N P", true},     Metric{"PR", "N L H", true},
    Metric{"UI", "N P A", true},   Metric{"VC", "H L N", true},
    Metric{"VI", "H L N", true},   Metric{"VA", "H L N", true},
    Metric{"SC", "H L N", true},   Metric{"SI", "H L N", true},
    Metric{"SA", "H L N", true},   Metric{"E", "X A P U"},
    Metric{"CR", "X H M L"},       Metric{"IR", "X H M L"},
    Metric{"AR", "X H M L"},       Metric{"MAV", "X N A L P"},
    Metric{"MAC", "X L H"},        Metric{"MAT", "X N P"},
    Metric{"MPR", "X N L H"},      Metric{"MUI", "X N P A"},
    Metric{"MVC", "X H L N"},      Metric{"MVI", "X H L N"},
    Metric{"MVA", "X H L N"},      Metric{"MSC", "X H L N"},
    Metric{"MSI", "X S H L N"},    Metric{"MSA", "X S H L N"},
    Metric{"S", "X N P"},          Metric{"AU", "X N Y"},
    Metric{"R", "X A U I"},        Metric{"V", "X D C"},
    Metric{"RE", "X L M H"},       Metric{"U", "X Clear Green Amber Red"}};

// Scores of macro vectors in tenths, where the fifth set (exploits) is 0. By the first set, the
// second, the third with the sixth (00, 01, 10, 11, 21), and the fourth (1, 2). The values are
// FIRST's (cvss_lookup.js of the reference calculator, BSD-2-Clause).
constexpr std::array<int, 60> kScores = {
    100, 93, 96, 90, 93, 88, 92, 80, 79, 69,  // 0, 0
    95,  92, 91, 81, 92, 84, 82, 70, 71, 63,  // 0, 1
    94,  87, 89, 75, 86, 72, 76, 57, 65, 53,  // 1, 0
    90,  77, 77, 66, 74, 61, 59, 52, 58, 23,  // 1, 1
    86,  70, 74, 54, 72, 53, 57, 36, 47, 24,  // 2, 0
    73,  54, 55, 43, 61, 46, 51, 18, 24, 10,  // 2, 1
};

struct MacroVector {
  int eq1 = 0;
  int eq2 = 0;
  int eq3 = 0;
  int eq6 = 0;
  int eq4 = 1;  // or 2
};

std::optional<int> score_of(const MacroVector& vector) {
  if (vector.eq1 > 2 || vector.eq2 > 1 || vector.eq3 > 2 || vector.eq6 > 1 || vector.eq4 > 2 ||
      (vector.eq3 == 2 && vector.eq6 == 0)) {
    return std::nullopt;
  }
  const int impact = vector.eq3 == 2 ? 4 : vector.eq3 * 2 + vector.eq6;
  return kScores.at(
      static_cast<std::size_t>(((vector.eq1 * 2 + vector.eq2) * 5 + impact) * 2 + vector.eq4 - 1));
}

// Steps from the worst value of a metric, which stands first.
int level(std::string_view worst_first, std::string_view value) {
  return static_cast<int>(worst_first.find(value));
}

// The fewest steps from one of the highest vectors of a set to the given levels; none of them is
// above it in any metric.
template <std::size_t N>
int steps_below(std::initializer_list<std::array<int, N>> highest,
                const std::array<int, N>& levels) {
  for (const auto& top : highest) {
    int sum = 0;
    bool is_below = true;
    for (std::size_t i = 0; i < N; ++i) {
      is_below = is_below && levels.at(i) >= top.at(i);
      sum += levels.at(i) - top.at(i);
    }
    // The specification takes the first one.
    if (is_below) return sum;
  }
  return 0;
}

struct Levels {
  std::array<int, 3> exploitability;  // AV, PR, UI
  std::array<int, 2> complexity;      // AC, AT
  std::array<int, 3> vulnerable;      // VC, VI, VA: H 0, L 1, N 2
  std::array<int, 3> subsequent;      // SC, SI, SA: H 0, L 1, N 2
};

MacroVector macro_vector(const Levels& levels) {
  MacroVector vector;
  const auto worst = std::ranges::count(levels.exploitability, 0);
  const bool is_physical = levels.exploitability[0] == 3;
  vector.eq1 = worst == 3 ? 0 : worst > 0 && !is_physical ? 1 : 2;
  vector.eq2 = levels.complexity == std::array{0, 0} ? 0 : 1;
  const auto high = std::ranges::count(levels.vulnerable, 0);
  vector.eq3 = levels.vulnerable[0] == 0 && levels.vulnerable[1] == 0 ? 0 : high > 0 ? 1 : 2;
  vector.eq6 = high > 0 ? 0 : 1;
  vector.eq4 = std::ranges::count(levels.subsequent, 0) > 0 ? 1 : 2;
  return vector;
}

using Three = std::array<int, 3>;

int exploitability_distance(const MacroVector& vector, const Three& levels) {
  switch (vector.eq1) {
    case 0:
      return steps_below<3>({Three{0, 0, 0}}, levels);
    case 1:
      return steps_below<3>({Three{1, 0, 0}, Three{0, 1, 0}, Three{0, 0, 1}}, levels);
    default:
      return steps_below<3>({Three{3, 0, 0}, Three{1, 1, 1}}, levels);
  }
}

int complexity_distance(const MacroVector& vector, const std::array<int, 2>& levels) {
  using Two = std::array<int, 2>;
  return vector.eq2 == 0 ? 0 : steps_below<2>({Two{1, 0}, Two{0, 1}}, levels);
}

int vulnerable_distance(const MacroVector& vector, const Three& levels) {
  switch (vector.eq3) {
    case 0:
      return steps_below<3>({Three{0, 0, 0}}, levels);
    case 1:
      return steps_below<3>({Three{1, 0, 0}, Three{0, 1, 0}}, levels);
    default:
      return steps_below<3>({Three{1, 1, 1}}, levels);
  }
}

int subsequent_distance(const MacroVector& vector, const Three& levels) {
  return vector.eq4 == 1 ? steps_below<3>({Three{0, 0, 0}}, levels)
                         : steps_below<3>({Three{1, 1, 1}}, levels);
}

// How far down the next lower macro vector is in one set, by how much of the way is gone.
class Mean {
 public:
  explicit Mean(int score) : score_(score) {}
  void add(std::optional<int> next_lower, int distance, int depth) {
    if (!next_lower) return;
    ++count_;
    sum_ += static_cast<double>((score_ - *next_lower) * distance) / depth;
  }
  [[nodiscard]] double value() const { return count_ == 0 ? 0 : sum_ / count_; }

 private:
  const int score_;
  int count_ = 0;
  double sum_ = 0;
};

std::optional<int> lower_impact(MacroVector vector) {
  if (vector.eq3 == 2) return std::nullopt;
  MacroVector other = vector;
  ++vector.eq6;
  if (vector.eq3 == 1) return score_of(vector);
  ++other.eq3;
  return std::max(score_of(vector), score_of(other));
}

}  // namespace

std::optional<int> score_v4(std::string_view vector) {
  const auto read = read_metrics(vector, kMetrics);
  if (!read) return std::nullopt;
  const auto& of = read->of;
  const Levels levels = {{level("NALP", of[0]), level("NLH", of[3]), level("NPA", of[4])},
                         {level("LH", of[1]), level("NP", of[2])},
                         {level("HLN", of[5]), level("HLN", of[6]), level("HLN", of[7])},
                         {level("HLN", of[8]), level("HLN", of[9]), level("HLN", of[10])}};
  const Three none = {2, 2, 2};
  if (levels.vulnerable == none && levels.subsequent == none) return 0;
  const MacroVector macro = macro_vector(levels);
  const auto score = score_of(macro);
  if (!score) return std::nullopt;
  const auto lower = [&](int MacroVector::* set) {
    MacroVector next = macro;
    ++(next.*set);
    return score_of(next);
  };
  constexpr std::array kDepths1 = {1, 4, 5};
  constexpr std::array kDepths3 = {7, 8, 10};
  constexpr std::array kDepths4 = {6, 5, 4};
  Mean mean(*score);
  mean.add(lower(&MacroVector::eq1), exploitability_distance(macro, levels.exploitability),
           kDepths1.at(static_cast<std::size_t>(macro.eq1)));
  mean.add(lower(&MacroVector::eq2), complexity_distance(macro, levels.complexity),
           macro.eq2 == 0 ? 1 : 2);
  mean.add(lower_impact(macro), vulnerable_distance(macro, levels.vulnerable),
           kDepths3.at(static_cast<std::size_t>(macro.eq3)));
  mean.add(lower(&MacroVector::eq4), subsequent_distance(macro, levels.subsequent),
           kDepths4.at(static_cast<std::size_t>(macro.eq4)));
  // The set of exploits has a lower one always, and no way towards it.
  mean.add(0, 0, 1);
  // As the reference rounds: a hair up, for what a double cannot hold.
  return std::clamp(static_cast<int>(std::floor(*score - mean.value() + 0.5 + 1e-5)), 0, 100);
}

}  // namespace holdfast::cvss
