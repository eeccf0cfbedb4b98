#include "client/layout.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <fmt/format.h>

#include "codec/json.hpp"
#include "codec/text.hpp"

namespace holdfast::client {

namespace json = boost::json;

namespace {

constexpr char32_t kBroken = 0xFFFD;

// Takes the next character off; kBroken for bytes that are no UTF-8.
char32_t take(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t length = 1;
  char32_t code = lead;
  if (lead >= 0xF0 && lead < 0xF5) {
    length = 4;
    code = lead & 0x07U;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    length = 3;
    code = lead & 0x0FU;
  } else if (lead >= 0xC2 && lead < 0xE0) {
    length = 2;
    code = lead & 0x1FU;
  } else if (lead >= 0x80) {
    text.remove_prefix(1);
    return kBroken;
  }
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    if ((next & 0xC0U) != 0x80U) {
      text.remove_prefix(1);
      return kBroken;
    }
    code = (code << 6U) | (next & 0x3FU);
  }
  text.remove_prefix(length);
  return code;
}

struct Range {
  char32_t first = 0;
  char32_t last = 0;
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t code) {
  return std::ranges::any_of(
      ranges, [code](const Range& range) { return code >= range.first && code <= range.last; });
}

constexpr std::array<Range, 8> kWide = {{{0x1100, 0x115F},
                                         {0x2E80, 0x303E},
                                         {0x3041, 0xA4CF},
                                         {0xAC00, 0xD7A3},
                                         {0xF900, 0xFAFF},
                                         {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60},
                                         {0x1F300, 0x1FAFF}}};
constexpr std::array<Range, 4> kNoWidth = {
    {{0x0300, 0x036F}, {0x200B, 0x200D}, {0xFE00, 0xFE0F}, {0x20D0, 0x20FF}}};
// C0, DEL, C1; line and paragraph separators; marks and overrides of direction; tags.
constexpr std::array<Range, 7> kHarmful = {{{0, 0x1F},
                                            {0x7F, 0x9F},
                                            {0x200E, 0x200F},
                                            {0x2028, 0x202E},
                                            {0x2066, 0x2069},
                                            {0xFEFF, 0xFEFF},
                                            {0xE0000, 0xE007F}}};

std::size_t width_of(char32_t code) {
  if (in(kNoWidth, code)) return 0;
  return in(kWide, code) ? 2 : 1;
}

// "a.b" goes down; "a/b" joins two.
std::string plain(const json::value& row, std::string_view field);

const json::value* find(const json::value& row, std::string_view field) {
  const json::value* at = &row;
  while (at != nullptr && !field.empty()) {
    const auto dot = std::min(field.find('.'), field.size());
    at = codec::member(*at, field.substr(0, dot));
    field.remove_prefix(std::min(dot + 1, field.size()));
  }
  return at;
}

std::string plain(const json::value& value) {
  if (value.is_null()) return "";
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string plain(const json::value& row, std::string_view field) {
  if (const auto slash = field.find('/'); slash != std::string_view::npos) {
    return plain(row, field.substr(0, slash)) + "/" + plain(row, field.substr(slash + 1));
  }
  const json::value* found = find(row, field);
  return found == nullptr ? "" : plain(*found);
}

std::string padded(std::string_view text, std::size_t columns, bool to_the_right) {
  const std::size_t has = width(text);
  const std::string space(columns > has ? columns - has : 0, ' ');
  return to_the_right ? fmt::format("{}{}", space, text) : fmt::format("{}{}", text, space);
}

bool is_number(const json::value& row, const Column& column) {
  if (column.form == Form::size) return true;
  const json::value* found = find(row, column.field);
  return column.form == Form::text && found != nullptr && found->is_number();
}

// Of a text of several, such as a certificate.
std::string first_line(std::string text) {
  const std::size_t end = text.find('\n');
  if (end == std::string::npos) return text;
  text.resize(end);
  return text + " …";
}

}  // namespace

std::size_t width(std::string_view utf8) {
  std::size_t sum = 0;
  while (!utf8.empty()) sum += width_of(take(utf8));
  return sum;
}

std::string cut(std::string_view utf8, std::size_t columns) {
  if (width(utf8) <= columns) return std::string(utf8);
  if (columns == 0) return "";
  std::string_view rest = utf8;
  std::size_t used = 0;
  std::size_t bytes = 0;
  while (!rest.empty()) {
    const std::size_t wide = width_of(take(rest));
    if (used + wide > columns - 1) break;
    used += wide;
    bytes = utf8.size() - rest.size();
  }
  return std::string(utf8.substr(0, bytes)) + "…";
}

std::string harmless(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t code = take(text);
    const bool bad = code == kBroken || in(kHarmful, code);
    out += bad ? std::string_view("�") : before.substr(0, before.size() - text.size());
  }
  return out;
}

std::string relative(std::string_view rfc3339, Timestamp now) {
  const auto when = parse_rfc3339(rfc3339);
  if (!when || to_micros(*when) <= 0) return "never";
  struct Unit {
    std::int64_t seconds = 0;
    std::string_view name;
  };
  constexpr std::array<Unit, 5> kUnits = {{{31'557'600, "year"},
                                           {2'629'800, "month"},
                                           {86'400, "day"},
                                           {3'600, "hour"},
                                           {60, "minute"}}};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *when).count();
  const std::int64_t far = seconds < 0 ? -seconds : seconds;
  for (const Unit& unit : kUnits) {
    const std::int64_t count = far / unit.seconds;
    if (count == 0) continue;
    const std::string text = fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
    return seconds < 0 ? "in " + text : text + " ago";
  }
  return seconds < 0 ? "in a moment" : "just now";
}

std::string cell(const json::value& row, const Column& column, Timestamp now) {
  const std::string text = plain(row, column.field);
  switch (column.form) {
    case Form::text:
      return harmless(text);
    case Form::time:
      return relative(text, now);
    case Form::yes:
      return text == "true" ? "yes" : "no";
    case Form::digest:
      return harmless(text.substr(0, 19));  // "sha256:" and what people compare
    case Form::size: {
      const json::value* found = find(row, column.field);
      return found != nullptr && found->is_number() ? codec::size_text(found->to_number<double>())
                                                    : "";
    }
  }
  return "";
}

std::string table(const json::array& rows, const std::vector<Column>& columns, Timestamp now,
                  const Look& look) {
  std::vector<std::vector<std::string>> lines(1);
  std::vector<std::size_t> widths;
  std::vector<bool> right(columns.size(), !rows.empty());
  for (const Column& column : columns) {
    lines.front().emplace_back(column.title);
    widths.push_back(width(column.title));
  }
  for (const json::value& row : rows) {
    std::vector<std::string> line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      line.push_back(cell(row, columns[i], now));
      widths[i] = std::max(widths[i], width(line.back()));
      right[i] = right[i] && is_number(row, columns[i]);
    }
    lines.push_back(std::move(line));
  }
  std::string out;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) line += "  ";
      line += padded(lines[at][i], widths[i], right[i]);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    if (look.columns > 0) line = cut(line, look.columns);
    out += at == 0 && look.bold_head ? "\x1b[1m" + line + "\x1b[0m\n" : line + "\n";
  }
  return out;
}

std::string card(const json::value& object, const std::vector<Column>& columns, Timestamp now) {
  std::vector<std::pair<std::string, std::string>> lines;
  lines.reserve(columns.size());
  for (const Column& column : columns) lines.emplace_back(column.title, cell(object, column, now));
  if (columns.empty() && object.is_object()) {
    for (const auto& member : object.get_object()) {
      lines.emplace_back(harmless(member.key()), harmless(first_line(plain(member.value()))));
    }
  }
  std::size_t widest = 0;
  for (const auto& line : lines) widest = std::max(widest, width(line.first));
  std::string out;
  for (const auto& [title, text] : lines) {
    out += padded(title, text.empty() ? 0 : widest + 2, false) + text + "\n";
  }
  return out;
}

std::string json_text(const json::value& value) {
  const std::string text = json::serialize(value);
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view before = rest;
    const char32_t code = take(rest);
    if (code != kBroken && code < 0x10000 && in(kHarmful, code)) {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
    } else {
      out += before.substr(0, before.size() - rest.size());
    }
  }
  return out;
}

}  // namespace holdfast::client
