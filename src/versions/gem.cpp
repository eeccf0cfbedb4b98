// Gem::Version of RubyGems.
#include <vector>

#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

using Segments = std::vector<std::string_view>;

bool is_number(std::string_view segment) { return is_digit(segment.front()); }

void drop_zeros(Segments& segments, std::size_t begin) {
  while (segments.size() > begin && is_number(segments.back()) && is_zero(segments.back())) {
    segments.pop_back();
  }
}

// "1.0.a.2" -> 1, a, 2: trailing zeros go, of what stands before the first word too. A dash stands
// for ".pre.".
Segments canonical(std::string_view text) {
  static constexpr std::string_view kPre = "pre";
  Segments segments;
  bool has_words = false;
  while (!text.empty()) {
    const char c = text.front();
    std::string_view segment;
    if (is_digit(c)) {
      segment = take_while(text, is_digit);
    } else if (is_letter(c)) {
      segment = take_while(text, is_letter);
    } else {
      text.remove_prefix(1);
      if (c != '-') continue;
      segment = kPre;
    }
    if (!has_words && !is_number(segment)) {
      drop_zeros(segments, 0);
      has_words = true;
    }
    segments.push_back(segment);
  }
  drop_zeros(segments, 0);
  return segments;
}

bool are_parts(std::string_view text, bool may_have_dashes) {
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || !std::ranges::all_of(part, [&](char c) {
          return is_alnum(c) || (may_have_dashes && c == '-');
        })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_valid(std::string_view version) {
  version = without_blanks(version);
  const std::size_t dash = version.find('-');
  const std::string_view core = version.substr(0, dash);
  if (!all_digits(core.substr(0, core.find('.'))) || !are_parts(core, false)) return false;
  return dash == std::string_view::npos || are_parts(version.substr(dash + 1), true);
}

std::weak_ordering compare(std::string_view a, std::string_view b) {
  const Segments left = canonical(without_blanks(a));
  const Segments right = canonical(without_blanks(b));
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const std::string_view x = i < left.size() ? left[i] : "0";
    const std::string_view y = i < right.size() ? right[i] : "0";
    if (is_number(x) != is_number(y)) {
      return is_number(x) ? std::weak_ordering::greater : std::weak_ordering::less;
    }
    const auto by = is_number(x) ? compare_numbers(x, y) : compare_bytes(x, y);
    if (by != 0) return by;
  }
  return std::weak_ordering::equivalent;
}

}  // namespace

const Rules kGem = {is_valid, compare};

}  // namespace holdfast::versions
