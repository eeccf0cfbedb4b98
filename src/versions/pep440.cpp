// PEP 440, as packaging.version orders it.
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

struct Version {
  std::string epoch;
  std::vector<std::string> release;  // without trailing zeros
  int pre_rank = 0;                  // a 1, b 2, rc 3; 0: none
  std::string pre;
  std::optional<std::string> post;
  std::optional<std::string> dev;
  std::vector<std::string> local;
};

constexpr bool is_separator(char c) { return c == '-' || c == '_' || c == '.'; }

// Takes one of the words, with or without a separator before it; its place in the list, or -1.
template <std::size_t N>
int take_word(std::string_view& text, const std::array<std::string_view, N>& words) {
  std::string_view rest = text;
  if (!rest.empty() && is_separator(rest.front())) rest.remove_prefix(1);
  for (std::size_t i = 0; i < N; ++i) {
    if (rest.starts_with(words.at(i))) {
      text = rest.substr(words.at(i).size());
      return static_cast<int>(i);
    }
  }
  return -1;
}

// The number behind a word, with or without a separator; none is 0.
std::string take_number(std::string_view& text) {
  std::string_view rest = text;
  if (!rest.empty() && is_separator(rest.front())) rest.remove_prefix(1);
  const std::string_view digits = take_while(rest, is_digit);
  if (digits.empty()) return "0";
  text = rest;
  return std::string(digits);
}

bool read_release(std::string_view& text, Version& version) {
  do {
    const std::string_view number = take_while(text, is_digit);
    if (number.empty()) return false;
    version.release.emplace_back(number);
    // A dot that no number follows belongs to what comes.
    if (text.size() < 2 || text.front() != '.' || !is_digit(text[1])) break;
    text.remove_prefix(1);
  } while (true);
  while (!version.release.empty() && is_zero(version.release.back())) version.release.pop_back();
  return true;
}

void read_post(std::string_view& text, Version& version) {
  static constexpr std::array<std::string_view, 3> kPost = {"post", "rev", "r"};
  // "1.0-1" is the first post-release.
  if (text.size() >= 2 && text.front() == '-' && is_digit(text[1])) {
    text.remove_prefix(1);
    version.post = std::string(take_while(text, is_digit));
    return;
  }
  if (take_word(text, kPost) >= 0) version.post = take_number(text);
}

bool read_local(std::string_view text, Version& version) {
  while (true) {
    const std::string_view part = take_while(text, is_alnum);
    if (part.empty()) return false;
    version.local.emplace_back(part);
    if (text.empty()) return true;
    if (!is_separator(text.front())) return false;
    text.remove_prefix(1);
  }
}

std::optional<Version> parse(std::string_view given) {
  const std::string small = lower(without_blanks(given));
  std::string_view text = small;
  Version version;
  if (text.starts_with('v')) text.remove_prefix(1);
  if (const std::size_t mark = text.find('!'); mark != std::string_view::npos) {
    version.epoch = text.substr(0, mark);
    if (!all_digits(version.epoch)) return std::nullopt;
    text.remove_prefix(mark + 1);
  }
  if (!read_release(text, version)) return std::nullopt;
  // Longer ones first: "alpha" begins with "a".
  static constexpr std::array<std::string_view, 8> kPre = {"alpha",   "a",   "beta", "b",
                                                           "preview", "pre", "rc",   "c"};
  static constexpr std::array<int, 8> kRanks = {1, 1, 2, 2, 3, 3, 3, 3};
  if (const int word = take_word(text, kPre); word >= 0) {
    version.pre_rank = kRanks.at(static_cast<std::size_t>(word));
    version.pre = take_number(text);
  }
  read_post(text, version);
  static constexpr std::array<std::string_view, 1> kDev = {"dev"};
  if (take_word(text, kDev) >= 0) version.dev = take_number(text);
  if (text.empty()) return version;
  if (text.front() != '+' || !read_local(text.substr(1), version)) return std::nullopt;
  return version;
}

std::weak_ordering compare_release(const Version& a, const Version& b) {
  for (std::size_t i = 0; i < std::max(a.release.size(), b.release.size()); ++i) {
    const std::string_view x = i < a.release.size() ? std::string_view(a.release[i]) : "";
    const std::string_view y = i < b.release.size() ? std::string_view(b.release[i]) : "";
    if (const auto by = compare_numbers(x, y); by != 0) return by;
  }
  return std::weak_ordering::equivalent;
}

// A development release of nothing else comes before all prereleases; none behind them.
int pre_rank(const Version& version) {
  if (version.pre_rank > 0) return version.pre_rank;
  return !version.post && version.dev ? 0 : 4;
}

std::weak_ordering compare_local(const Version& a, const Version& b) {
  for (std::size_t i = 0; i < std::min(a.local.size(), b.local.size()); ++i) {
    const bool x_number = all_digits(a.local[i]);
    const bool y_number = all_digits(b.local[i]);
    if (x_number != y_number) {
      return x_number ? std::weak_ordering::greater : std::weak_ordering::less;
    }
    const auto by =
        x_number ? compare_numbers(a.local[i], b.local[i]) : compare_bytes(a.local[i], b.local[i]);
    if (by != 0) return by;
  }
  return a.local.size() <=> b.local.size();
}

std::weak_ordering compare_parsed(const Version& a, const Version& b) {
  if (const auto by = compare_numbers(a.epoch, b.epoch); by != 0) return by;
  if (const auto by = compare_release(a, b); by != 0) return by;
  if (const auto by = pre_rank(a) <=> pre_rank(b); by != 0) return by;
  if (const auto by = compare_numbers(a.pre, b.pre); by != 0) return by;
  if (a.post.has_value() != b.post.has_value()) return a.post.has_value() <=> b.post.has_value();
  if (const auto by = compare_numbers(a.post.value_or(""), b.post.value_or("")); by != 0) return by;
  if (a.dev.has_value() != b.dev.has_value()) return b.dev.has_value() <=> a.dev.has_value();
  if (const auto by = compare_numbers(a.dev.value_or(""), b.dev.value_or("")); by != 0) return by;
  return compare_local(a, b);
}

}  // namespace

const Rules kPep440 = {can_read<parse>, compare_read<parse, compare_parsed>};

}  // namespace holdfast::versions
