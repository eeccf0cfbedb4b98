// The log: one line an event, as text for people or JSON for machines. No secret ever enters it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace holdfast::log {

enum class Level { debug, info, warn, error };
// "debug", "info", "warn", "error".
std::string_view name(Level level);
enum class Format { text, json };

// One named value of a line.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double> value;
};

// To be called once at start, before threads log. Lines go to standard error, whole
// lines only; of a long value the first 1,000 bytes.
void configure(Level threshold, Format format);

// Writes a line; safe from any thread. `message` is constant text, what varies is in the fields:
// log::warn("login failed", {{"user", name}, {"address", address}}).
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});
inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::info, message, fields);
}
inline void warn(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::warn, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::error, message, fields);
}

}  // namespace holdfast::log
