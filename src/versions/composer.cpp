// composer/semver: VersionParser::normalize, then PHP's version_compare.
#include <array>
#include <optional>
#include <vector>

#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

struct Version {
  std::vector<std::string> numbers;  // without trailing zeros
  int rank = 0;                      // by kWords; 0: stable
  std::vector<std::string> behind;   // the word: "2" in "-beta2"
  bool is_dev = false;               // "-dev" at the end
};

struct Word {
  std::string_view text;
  int rank;
};
constexpr std::array<Word, 9> kWords = {{{"alpha", -3},
                                         {"a", -3},
                                         {"beta", -2},
                                         {"b", -2},
                                         {"rc", -1},
                                         {"patch", 1},
                                         {"pl", 1},
                                         {"p", 1},
                                         {"stable", 0}}};

void read_numbers(std::string_view& text, Version& version) {
  while (true) {
    std::string_view rest = text;
    if (rest.starts_with('.') || rest.starts_with('-')) rest.remove_prefix(1);
    const std::string_view digits = take_while(rest, is_digit);
    if (digits.empty()) return;
    version.behind.emplace_back(digits);
    text = rest;
  }
}

// Whether it is "stable".
bool read_stability(std::string_view& text, Version& version) {
  std::string_view rest = text;
  take_while(rest, [](char c) { return c == '.' || c == '-' || c == '_' || c == '+'; });
  for (const Word& word : kWords) {
    if (!rest.starts_with(word.text)) continue;
    std::string_view behind = rest.substr(word.text.size());
    // "b" of "beta" was tried before; a letter behind it is another word.
    if (!behind.empty() && is_letter(behind.front())) continue;
    read_numbers(behind, version);
    version.rank = word.rank;
    // What follows "stable" does not count.
    if (word.rank == 0) version.behind.clear();
    text = behind;
    return word.rank == 0;
  }
  return false;
}

std::optional<Version> parse(std::string_view given) {
  const std::string small = lower(without_blanks(given));
  std::string_view text = small;
  text = text.substr(0, text.find('+'));
  if (text.starts_with('v')) text.remove_prefix(1);
  Version version;
  while (true) {
    const std::string_view number = take_while(text, is_digit);
    if (number.empty()) return std::nullopt;
    version.numbers.emplace_back(number);
    if (text.size() < 2 || text.front() != '.' || !is_digit(text[1])) break;
    text.remove_prefix(1);
  }
  if (version.numbers.size() > 4) return std::nullopt;
  while (!version.numbers.empty() && is_zero(version.numbers.back())) version.numbers.pop_back();
  const bool is_stable = read_stability(text, version);
  std::string_view rest = text;
  take_while(rest, [](char c) { return c == '.' || c == '-'; });
  if (rest == "dev") {
    version.is_dev = !is_stable;
    text = {};
  }
  if (!text.empty()) return std::nullopt;
  return version;
}

std::weak_ordering compare_parsed(const Version& a, const Version& b) {
  for (std::size_t i = 0; i < std::max(a.numbers.size(), b.numbers.size()); ++i) {
    const std::string_view x = i < a.numbers.size() ? std::string_view(a.numbers[i]) : "";
    const std::string_view y = i < b.numbers.size() ? std::string_view(b.numbers[i]) : "";
    if (const auto by = compare_numbers(x, y); by != 0) return by;
  }
  // "-dev" alone comes before every word, behind a word before that one without it.
  const auto rank = [](const Version& version) {
    return version.rank == 0 && version.is_dev ? -4 : version.rank;
  };
  if (const auto by = rank(a) <=> rank(b); by != 0) return by;
  for (std::size_t i = 0; i < std::min(a.behind.size(), b.behind.size()); ++i) {
    if (const auto by = compare_numbers(a.behind[i], b.behind[i]); by != 0) return by;
  }
  if (a.behind.size() != b.behind.size()) return a.behind.size() <=> b.behind.size();
  return b.is_dev <=> a.is_dev;
}

}  // namespace

const Rules kComposer = {can_read<parse>, compare_read<parse, compare_parsed>};

}  // namespace holdfast::versions
