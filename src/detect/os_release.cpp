#include <string>

#include "codec/text.hpp"
#include "detect/distributions.hpp"
#include "detect/lines.hpp"

namespace holdfast::detect {

namespace {

constexpr std::size_t kValueBytes = 256;

// A value as a shell reads it: in quotes of either kind or none, with backslashes.
std::string unquoted(std::string_view text) {
  text = trimmed(text);
  std::string value;
  char quote = 0;
  for (std::size_t i = 0; i < text.size() && value.size() < kValueBytes; ++i) {
    const char byte = text[i];
    if (quote == 0 && (byte == '"' || byte == '\'')) {
      quote = byte;
    } else if (quote != 0 && byte == quote) {
      quote = 0;
    } else if (byte == '\\' && quote != '\'' && i + 1 < text.size()) {
      value += text[++i];
    } else {
      value += byte;
    }
  }
  return codec::to_text(value, kValueBytes);
}

}  // namespace

std::optional<packages::Release> read_os_release(const File& file) {
  packages::Release release{.path = std::string(file.path)};
  for_each_line(file.bytes, [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view name = trimmed(line.substr(0, equals));
    const std::string_view value = line.substr(equals + 1);
    if (name == "ID") release.id = unquoted(value);
    if (name == "VERSION_ID") release.version_id = unquoted(value);
    if (name == "PRETTY_NAME") release.pretty_name = unquoted(value);
    if (name == "CPE_NAME") release.cpe_name = unquoted(value);
  });
  if (release.id.empty()) return std::nullopt;
  return release;
}

std::string read_alpine_release(std::string_view text) {
  return codec::to_text(trimmed(text.substr(0, kValueBytes)), kValueBytes);
}

}  // namespace holdfast::detect
