// JSON as package managers' files hold it, which readers of those files take generously.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detect/detector.hpp"

namespace holdfast::detect {

// The value in a file, or nothing and a remark. codec::parse_json is too strict for them: a key
// that comes twice (the last one counts, as for node and Python), a byte order mark and bytes that
// are no UTF-8 occur in published packages. At most kJsonDepth levels, and kJsonMemoryBytes for the
// value.
std::optional<boost::json::value> json_of(const File& file, Found& found);
inline constexpr std::size_t kJsonDepth = 64;
inline constexpr std::size_t kJsonMemoryBytes = 160UZ << 20U;

// A member that is a string, or "".
std::string text_of(const boost::json::value& value, std::string_view name);
// The members of a member that is an array; none for everything else.
const boost::json::array& array_of(const boost::json::value& value, std::string_view name);
const boost::json::object& object_of(const boost::json::value& value, std::string_view name);
// A licence as npm, Composer and conda write it: a text, {"type": text} or an array of them.
std::vector<std::string> licenses_of(const boost::json::value* value);

}  // namespace holdfast::detect
