#include "base/log.hpp"

#include <atomic>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <string>

#include "base/clock.hpp"

namespace holdfast::log {

namespace {

std::atomic<Format> current_format{Format::text};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("holdfast",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view word(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

// JSON's escapes serve both formats: a value from outside can neither end its line nor its quotes.
void append_escaped(std::string& line, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"':
        line += "\\\"";
        break;
      case '\\':
        line += "\\\\";
        break;
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      case '\t':
        line += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          fmt::format_to(std::back_inserter(line), "\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          line += c;
        }
    }
  }
}

bool plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7f) {
      return false;
    }
  }
  return true;
}

void append_value(std::string& line, const Field& field, bool quote_always) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    const bool quoted = quote_always || !plain(*text);
    if (quoted) line += '"';
    append_escaped(line, *text);
    if (quoted) line += '"';
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    fmt::format_to(std::back_inserter(line), "{}", *number);
  } else {
    fmt::format_to(std::back_inserter(line), "{:.3f}", std::get<double>(field.value));
  }
}

std::string text_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string time = rfc3339(SystemClock().now());
  time[10] = ' ';
  std::string line = fmt::format("{} {:<5} ", time.substr(0, 23), word(level));
  append_escaped(line, message);
  for (const Field& field : fields) {
    fmt::format_to(std::back_inserter(line), "  {}=", field.key);
    append_value(line, field, false);
  }
  return line;
}

std::string json_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","message":")",
                                 rfc3339(SystemClock().now()), word(level));
  append_escaped(line, message);
  line += '"';
  for (const Field& field : fields) {
    fmt::format_to(std::back_inserter(line), ",\"{}\":", field.key);
    append_value(line, field, true);
  }
  line += '}';
  return line;
}

}  // namespace

void configure(Level threshold, Format format) {
  logger().set_level(level_of(threshold));
  current_format.store(format);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  const auto native = level_of(level);
  if (!logger().should_log(native)) return;
  const std::string line = current_format.load() == Format::json
                               ? json_line(level, message, fields)
                               : text_line(level, message, fields);
  logger().log(native, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace holdfast::log
