#include "base/log.hpp"

#include <atomic>
#include <cerrno>
#include <fmt/format.h>
#include <iterator>
#include <string>
#include <unistd.h>

#include "base/clock.hpp"

namespace holdfast::log {

namespace {

std::atomic<Format> current_format{Format::text};
std::atomic<Level> current_threshold{Level::info};

// A longer value is cut, so that a line fits into what a pipe takes as a whole (PIPE_BUF).
constexpr std::size_t kValueBytes = 1000;

// One call for one line: the kernel keeps lines apart, and no thread waits for another. A log that
// cannot be written is no reason to stop serving.
void put(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
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
    append_escaped(line, text->substr(0, kValueBytes));
    if (text->size() > kValueBytes) line += "...";
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
  std::string line = fmt::format("{} {:<5} ", time.substr(0, 23), name(level));
  append_escaped(line, message);
  for (const Field& field : fields) {
    fmt::format_to(std::back_inserter(line), "  {}=", field.key);
    append_value(line, field, false);
  }
  return line;
}

std::string json_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","message":")",
                                 rfc3339(SystemClock().now()), name(level));
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

std::string_view name(Level level) {
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

void configure(Level threshold, Format format) {
  current_threshold.store(threshold);
  current_format.store(format);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (level < current_threshold.load(std::memory_order_relaxed)) return;
  std::string line = current_format.load(std::memory_order_relaxed) == Format::json
                         ? json_line(level, message, fields)
                         : text_line(level, message, fields);
  line += '\n';
  put(line);
}

}  // namespace holdfast::log
