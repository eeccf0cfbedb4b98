// Strict JSON (RFC 8259) over Boost.JSON.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::codec {

inline constexpr std::string_view kJsonInvalid = "json_invalid";  // invalid

// Parses one value with nothing behind it. invalid/kJsonInvalid, with the place, for a syntax
// error, a duplicate key in an object, invalid UTF-8 or more than `max_depth` levels.
Result<boost::json::value> parse_json(std::string_view text, std::size_t max_depth = 64);

// As parse_json, and what follows the value is ignored: for bodies of clients that send a stray
// comma.
Result<boost::json::value> parse_json_prefix(std::string_view text, std::size_t max_depth = 64);

// Parses what a stranger wrote, generously: a byte order mark, bytes that are no UTF-8, and a key
// that comes twice, of which the last one counts. The value takes at most `memory_bytes`: "[1,1,1…"
// has 27 times the bytes of its text. invalid/kJsonInvalid; too_large/kJsonTooLarge.
inline constexpr std::string_view kJsonTooLarge = "json_too_large";
Result<boost::json::value> parse_json_within(std::string_view text, std::size_t max_depth,
                                             std::size_t memory_bytes);

// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

// A member of an object by name, or nothing: for objects and everything else.
const boost::json::value* member(const boost::json::value& value, std::string_view name);
// A member that is a string; nothing when it is absent or no string.
std::optional<std::string_view> string_member(const boost::json::value& value,
                                              std::string_view name);
// The same of what a stranger wrote, as to_text() gives it; "" when there is none.
std::string text_member(const boost::json::value& value, std::string_view name,
                        std::size_t at_most);
// A member that is a list; an empty one when it is absent or no list.
const boost::json::array& list_member(const boost::json::value& value, std::string_view name);

}  // namespace holdfast::codec
