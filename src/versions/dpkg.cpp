// deb-version(7): [epoch:]upstream[-revision].
#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

struct Parts {
  std::string_view epoch;
  std::string_view upstream;
  std::string_view revision;
};

Parts split(std::string_view text) {
  text = without_blanks(text);
  Parts parts;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    parts.epoch = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  const std::size_t dash = text.rfind('-');
  parts.upstream = text.substr(0, dash);
  if (dash != std::string_view::npos) parts.revision = text.substr(dash + 1);
  return parts;
}

// "~" before the end, the end before letters, letters before everything else.
int weight(char c) {
  if (c == '~') return -1;
  if (is_letter(c)) return static_cast<unsigned char>(c);
  return static_cast<unsigned char>(c) + 256;
}

std::weak_ordering compare_part(std::string_view a, std::string_view b) {
  const auto is_other = [](char c) { return !is_digit(c); };
  while (!a.empty() || !b.empty()) {
    const std::string_view a_text = take_while(a, is_other);
    const std::string_view b_text = take_while(b, is_other);
    for (std::size_t i = 0; i < std::max(a_text.size(), b_text.size()); ++i) {
      const int a_weight = i < a_text.size() ? weight(a_text[i]) : 0;
      const int b_weight = i < b_text.size() ? weight(b_text[i]) : 0;
      if (a_weight != b_weight) return a_weight <=> b_weight;
    }
    const auto numbers = compare_numbers(take_while(a, is_digit), take_while(b, is_digit));
    if (numbers != 0) return numbers;
  }
  return std::weak_ordering::equivalent;
}

bool is_valid(std::string_view version) {
  const Parts parts = split(version);
  const bool has_epoch = version.find(':') != std::string_view::npos;
  if (has_epoch && !all_digits(parts.epoch)) return false;
  if (parts.upstream.empty() || version.ends_with('-')) return false;
  return std::ranges::all_of(
             parts.upstream,
             [](char c) { return is_alnum(c) || std::string_view(".+-~:").contains(c); }) &&
         std::ranges::all_of(parts.revision, [](char c) {
           return is_alnum(c) || std::string_view(".+~").contains(c);
         });
}

std::weak_ordering compare(std::string_view a, std::string_view b) {
  const Parts left = split(a);
  const Parts right = split(b);
  if (const auto by = compare_numbers(left.epoch, right.epoch); by != 0) return by;
  if (const auto by = compare_part(left.upstream, right.upstream); by != 0) return by;
  return compare_part(left.revision, right.revision);
}

}  // namespace

const Rules kDpkg = {is_valid, compare};

}  // namespace holdfast::versions
