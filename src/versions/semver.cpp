// semver.org 2.0.0, and the readings of npm, Go and NuGet.
#include "versions/semver.hpp"

#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

bool is_identifier(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

bool are_identifiers(std::string_view text) {
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_identifier(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::weak_ordering compare_identifiers(std::string_view a, std::string_view b, bool ignore_case) {
  const bool a_number = all_digits(a);
  const bool b_number = all_digits(b);
  if (a_number && b_number) return compare_numbers(a, b);
  if (a_number != b_number) {
    return a_number ? std::weak_ordering::less : std::weak_ordering::greater;
  }
  return ignore_case ? compare_bytes(lower(a), lower(b)) : compare_bytes(a, b);
}

std::optional<Semver> strict(std::string_view text) {
  return parse_semver(without_blanks(text), 3);
}

// "1.9.0b1": a prerelease without its dash, as node-semver reads it when it is "loose".
std::optional<Semver> without_dash(std::string_view text) {
  const std::string_view words = text.substr(0, text.find('+'));
  const auto* const letter = std::ranges::find_if(words, is_letter);
  const auto length = static_cast<std::size_t>(letter - words.begin());
  std::optional<Semver> version = parse_semver(text.substr(0, length), 3);
  if (!version || version->count != 3 || !version->prerelease.empty()) return std::nullopt;
  version->prerelease = words.substr(length);
  if (!are_identifiers(version->prerelease)) return std::nullopt;
  return version;
}

// node-semver takes a "v" or "=" before it, and blanks. npm reads versions loosely, and old
// packages and what is written about them need it.
std::optional<Semver> of_npm(std::string_view text) {
  text = without_blanks(text);
  take_while(text, [](char c) { return c == '=' || c == ' '; });
  if (text.starts_with('v') || text.starts_with('V')) text.remove_prefix(1);
  text = without_blanks(text);
  const std::optional<Semver> version = parse_semver(text, 3);
  return version ? version : without_dash(text);
}

// "v1.2.3", "1.2.3" as OSV writes it, and Go's own "go1.22rc1", whose last word is a prerelease.
struct GoVersion {
  std::optional<Semver> semver;
  std::string text;  // where the words are not as they were written
};
void read_go(std::string_view text, GoVersion& into) {
  text = without_blanks(text);
  if (text.starts_with("go")) {
    text.remove_prefix(2);
    std::string_view rest = text;
    const std::string_view numbers =
        take_while(rest, [](char c) { return is_digit(c) || c == '.'; });
    const std::string_view word = take_while(rest, is_lower);
    const std::string_view number = take_while(rest, is_digit);
    // "go1.21.3 X:boringcrypto" and "go1.21.3-suffix" are builds of 1.21.3.
    into.text = std::string(numbers);
    if (!word.empty()) into.text.append("-").append(word).append(".").append(number);
    if (!word.empty() && number.empty()) into.text.pop_back();
    into.semver = parse_semver(into.text, 3);
    return;
  }
  if (text.starts_with('v')) text.remove_prefix(1);
  into.semver = parse_semver(text, 3);
}

std::optional<Semver> of_nuget(std::string_view text) {
  return parse_semver(without_blanks(text), 4);
}

std::weak_ordering by_case(const Semver& a, const Semver& b) { return compare_semver(a, b); }
std::weak_ordering by_letter(const Semver& a, const Semver& b) {
  return compare_semver(a, b, true);
}

bool is_go(std::string_view text) {
  GoVersion version;
  read_go(text, version);
  return version.semver.has_value();
}

std::weak_ordering compare_go(std::string_view a, std::string_view b) {
  GoVersion left;
  GoVersion right;
  read_go(a, left);
  read_go(b, right);
  if (!left.semver || !right.semver) return compare_bytes(a, b);
  return compare_semver(*left.semver, *right.semver);
}

}  // namespace

std::optional<Semver> parse_semver(std::string_view text, int numbers) {
  Semver version;
  const std::size_t plus = text.find('+');
  if (plus != std::string_view::npos && !are_identifiers(text.substr(plus + 1))) {
    return std::nullopt;
  }
  text = text.substr(0, plus);
  std::string_view core = text;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    version.prerelease = text.substr(dash + 1);
    if (!are_identifiers(version.prerelease)) return std::nullopt;
    core = text.substr(0, dash);
  }
  while (true) {
    const std::size_t dot = core.find('.');
    const std::string_view number = core.substr(0, dot);
    if (version.count == numbers || !all_digits(number)) return std::nullopt;
    version.numbers.at(static_cast<std::size_t>(version.count++)) = number;
    if (dot == std::string_view::npos) return version;
    core.remove_prefix(dot + 1);
  }
}

std::weak_ordering compare_semver(const Semver& a, const Semver& b, bool ignore_case) {
  for (std::size_t i = 0; i < a.numbers.size(); ++i) {
    if (const auto by = compare_numbers(a.numbers.at(i), b.numbers.at(i)); by != 0) return by;
  }
  if (a.prerelease.empty() || b.prerelease.empty()) {
    return a.prerelease.empty() <=> b.prerelease.empty();
  }
  std::string_view left = a.prerelease;
  std::string_view right = b.prerelease;
  while (!left.empty() && !right.empty()) {
    const auto by = compare_identifiers(take_part(left, '.'), take_part(right, '.'), ignore_case);
    if (by != 0) return by;
  }
  return right.empty() <=> left.empty();
}

const Rules kSemver = {can_read<strict>, compare_read<strict, by_case>};
const Rules kNpm = {can_read<of_npm>, compare_read<of_npm, by_case>};
const Rules kGo = {is_go, compare_go};
const Rules kNuget = {can_read<of_nuget>, compare_read<of_nuget, by_letter>};

}  // namespace holdfast::versions
