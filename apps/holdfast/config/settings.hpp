// Every setting as one line of data: files, variables, flags, `config show` and the guide's table
// all come from here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace holdfast::config {

enum class Type : std::uint8_t { string, list, boolean, integer, bytes, duration, choice };

// The word for a type in `config show --format json` and the guide: "duration".
std::string_view name(Type type);

// One setting. Its name is the key in the TOML file ("https.listen" is `listen` in `[https]`), the
// flag (--https.listen) and, in capitals, the variable (HOLDFAST_HTTPS_LISTEN).
struct Setting {
  std::string_view name;
  Type type;
  std::string_view default_text;  // as a variable or a flag would give it
  std::string_view help;          // one sentence, with the unit
  std::string_view choices = {};  // "redirect|serve|off", for Type::choice
  std::int64_t minimum = 0;       // of integer, bytes and duration (seconds)
  std::int64_t maximum = 0;
};

// In the order that `config show` and the guide print them.
std::span<const Setting> settings();
// By name; nothing when there is none.
const Setting* find(std::string_view name);
// "HOLDFAST_HTTPS_LISTEN".
std::string variable(const Setting& setting);
// The known word closest to `word`, when it is close enough to be a slip of the finger.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known);

// A value of the right type and within its bounds: bytes and durations as integers (bytes,
// seconds).
using Value = std::variant<std::string, std::vector<std::string>, bool, std::int64_t>;
// What a source holds, before it is checked: TOML has types, variables and flags have text.
using RawValue = std::variant<std::string, std::vector<std::string>, bool, std::int64_t>;

// invalid; the message says what to write instead, for example `write a duration such as "60s"`.
Result<Value> parse(const Setting& setting, const RawValue& raw);
// As the TOML file would have it: `"64KiB"`, `true`, `["a", "b"]`.
std::string to_toml(const Setting& setting, const Value& value);

}  // namespace holdfast::config
