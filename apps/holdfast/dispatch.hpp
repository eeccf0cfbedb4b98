// Which part of the product answers a path. No path belongs to two.
#pragma once

#include <span>
#include <string_view>

namespace holdfast {

enum class Area { registry, token, dtr, enzi, ucp, ops, web };

struct Prefix {
  std::string_view path;
  enum class Match { exact, below } match;  // below: the path itself, and all behind a '/'
  Area area;
};

std::span<const Prefix> prefixes();
// What no prefix names belongs to the web.
Area area_of(std::string_view path);

}  // namespace holdfast
