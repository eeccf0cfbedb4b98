// Small steps that the schemes share. ASCII only, whatever the locale.
#pragma once

#include <algorithm>
#include <compare>
#include <string>
#include <string_view>

namespace holdfast::versions {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_letter(c); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}
inline bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}
inline std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Takes what `is` holds for from the front.
template <typename Is>
std::string_view take_while(std::string_view& text, Is is) {
  std::size_t size = 0;
  while (size < text.size() && is(text[size])) ++size;
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}
// Takes the part before `separator`, which goes too; all of it when there is none.
inline std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

// Digits of any number as the number that they are; none is 0.
inline std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}
inline bool is_zero(std::string_view digits) {
  return digits.find_first_not_of('0') == std::string_view::npos;
}
inline std::weak_ordering compare_bytes(std::string_view a, std::string_view b) {
  return a.compare(b) <=> 0;
}

// For schemes that `Read` texts into something, or nothing, and `Compare` two of those.
template <auto Read>
bool can_read(std::string_view text) {
  return Read(text).has_value();
}
template <auto Read, auto Compare>
std::weak_ordering compare_read(std::string_view a, std::string_view b) {
  const auto left = Read(a);
  const auto right = Read(b);
  if (!left || !right) return compare_bytes(a, b);
  return Compare(*left, *right);
}

}  // namespace holdfast::versions
