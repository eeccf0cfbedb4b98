// rpmvercmp(): [epoch:]version[-release].
#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

struct Parts {
  std::string_view epoch;
  std::string_view version;
  std::string_view release;
  bool has_release = false;
};

Parts split(std::string_view text) {
  text = without_blanks(text);
  Parts parts;
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && std::ranges::all_of(text.substr(0, colon), is_digit)) {
    parts.epoch = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  const std::size_t dash = text.rfind('-');
  parts.version = text.substr(0, dash);
  parts.has_release = dash != std::string_view::npos;
  if (parts.has_release) parts.release = text.substr(dash + 1);
  return parts;
}

std::weak_ordering compare_part(std::string_view a, std::string_view b) {
  const auto is_separator = [](char c) { return !is_alnum(c) && c != '~' && c != '^'; };
  while (!a.empty() || !b.empty()) {
    take_while(a, is_separator);
    take_while(b, is_separator);
    // "~" comes before the end.
    const bool a_tilde = a.starts_with('~');
    const bool b_tilde = b.starts_with('~');
    if (a_tilde != b_tilde) {
      return a_tilde ? std::weak_ordering::less : std::weak_ordering::greater;
    }
    // "^" comes behind the end, and before everything else.
    const bool a_caret = a.starts_with('^');
    const bool b_caret = b.starts_with('^');
    if (a_caret != b_caret) {
      if (a.empty()) return std::weak_ordering::less;
      if (b.empty()) return std::weak_ordering::greater;
      return a_caret ? std::weak_ordering::less : std::weak_ordering::greater;
    }
    if (a_tilde || a_caret) {
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    if (a.empty() || b.empty()) break;
    // The left one says which kind of run is compared.
    const bool is_number = is_digit(a.front());
    const auto is_run = [&](char c) { return is_number ? is_digit(c) : is_letter(c); };
    const std::string_view a_run = take_while(a, is_run);
    const std::string_view b_run = take_while(b, is_run);
    if (b_run.empty()) {
      return is_number ? std::weak_ordering::greater : std::weak_ordering::less;
    }
    const auto by = is_number ? compare_numbers(a_run, b_run) : compare_bytes(a_run, b_run);
    if (by != 0) return by;
  }
  return a.size() <=> b.size();
}

bool is_valid(std::string_view version) {
  const Parts parts = split(version);
  if (parts.version.empty()) return false;
  // What rpm allows in a version or a release.
  const auto are_allowed = [](std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return is_alnum(c) || std::string_view("._+~^-").contains(c); });
  };
  return are_allowed(parts.version) && are_allowed(parts.release);
}

std::weak_ordering compare(std::string_view a, std::string_view b) {
  const Parts left = split(a);
  const Parts right = split(b);
  if (const auto by = compare_numbers(left.epoch, right.epoch); by != 0) return by;
  if (const auto by = compare_part(left.version, right.version); by != 0) return by;
  return compare_part(left.release, right.release);
}

}  // namespace

const Rules kRpm = {is_valid, compare};

}  // namespace holdfast::versions
