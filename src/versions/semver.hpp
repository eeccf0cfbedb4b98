// Semantic versions, as several ecosystems read them.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string_view>

namespace holdfast::versions {

// Views into the text that was parsed.
struct Semver {
  std::array<std::string_view, 4> numbers{"0", "0", "0", "0"};
  int count = 0;                  // of numbers that were written
  std::string_view prerelease{};  // without its "-"
};

// Up to `numbers` numbers with dots between them, then "-" and identifiers, then "+" and what does
// not count. Nothing for anything else.
std::optional<Semver> parse_semver(std::string_view text, int numbers);

// By the numbers, then a prerelease before none, then identifier by identifier: numbers by their
// size and before words; fewer before more. `ignore_case`: of words.
std::weak_ordering compare_semver(const Semver& a, const Semver& b, bool ignore_case = false);

}  // namespace holdfast::versions
