#include "http/conditional.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace holdfast::http {

namespace {

// The parts of a list, trimmed. No part of the fields here holds a quoted comma.
template <typename Each>
bool any_part(std::string_view list, char separator, const Each& each) {
  while (!list.empty()) {
    const std::string_view part = list.substr(0, list.find(separator));
    list.remove_prefix(std::min(part.size() + 1, list.size()));
    if (each(trimmed(part))) return true;
  }
  return false;
}

bool has_zero_weight(std::string_view parameters) {
  return any_part(parameters, ';', [](std::string_view parameter) {
    return parameter == "q=0" || parameter == "q=0.0" || parameter == "q=0.00" ||
           parameter == "q=0.000";
  });
}

bool range_allows(std::string_view range, std::string_view media_type) {
  if (range == "*/*" || range == "*") return true;
  if (range.ends_with("/*")) {
    return equal_ignoring_case(range.substr(0, range.size() - 1),
                               media_type.substr(0, std::min(range.size() - 1, media_type.size())));
  }
  return equal_ignoring_case(range, media_type);
}

}  // namespace

bool matches_etag(std::string_view field, std::string_view tag) {
  return any_part(field, ',', [&](std::string_view part) {
    if (part == "*") return true;
    if (part.starts_with("W/")) part.remove_prefix(2);
    if (part.size() >= 2 && part.starts_with('"') && part.ends_with('"')) {
      part = part.substr(1, part.size() - 2);
    }
    return part == tag;
  });
}

bool accepts(const std::vector<std::string_view>& fields, std::string_view media_type) {
  const auto is_blank = [](std::string_view field) { return trimmed(field).empty(); };
  if (std::ranges::all_of(fields, is_blank)) return true;
  return std::ranges::any_of(fields, [&](std::string_view field) {
    return any_part(field, ',', [&](std::string_view part) {
      const std::size_t semicolon = std::min(part.find(';'), part.size());
      return range_allows(trimmed(part.substr(0, semicolon)), media_type) &&
             !has_zero_weight(part.substr(std::min(semicolon + 1, part.size())));
    });
  });
}

}  // namespace holdfast::http
