// Cargo.lock, and what cargo-auditable puts into a program: JSON, packed by zlib, in a section
// (https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md).
#include <fmt/format.h>
#include <string>

#include "codec/json.hpp"
#include "detect/json_file.hpp"
#include "detect/languages.hpp"
#include "detect/lines.hpp"
#include "detect/paths.hpp"
#include "detect/zip.hpp"

namespace holdfast::detect {

namespace {

// A line `key = "value"`. What Cargo writes holds no escapes in names and versions.
std::string_view value_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) return {};
  line = trimmed(line.substr(key.size()));
  if (!line.starts_with('=')) return {};
  line = trimmed(line.substr(1));
  if (line.size() < 2 || (line.front() != '"' && line.front() != '\'')) return {};
  return line.substr(1, line.find(line.front(), 1) - 1);
}

}  // namespace

bool wants_rust(std::string_view path) { return base_name(path) == "Cargo.lock"; }

void detect_rust(const File& file, Found& found) {
  const packages::Package empty{
      .type = packages::Type::cargo, .path = std::string(file.path), .detector = "cargo"};
  packages::Package package = empty;
  const auto finish = [&] {
    if (!package.name.empty() && !package.version.empty()) found.add(std::move(package));
    package = empty;
  };
  bool is_in_package = false;
  for_each_line(file.bytes, [&](std::string_view line) {
    line = trimmed(line);
    if (line.starts_with('[')) {
      finish();
      is_in_package = line.starts_with("[[package]]");
    }
    if (!is_in_package) return;
    if (const std::string_view name = value_of(line, "name"); !name.empty()) package.name = name;
    const std::string_view version = value_of(line, "version");
    if (!version.empty()) package.version = version;
  });
  finish();
}

void detect_rust_program(const Program& program, std::string_view path, Found& found) {
  constexpr std::uint64_t kJsonBytes = 8ULL << 20U;
  const Part* section = program.section(".dep-v0");
  if (section == nullptr) return;
  const auto text = inflate_all(section->bytes, false, kJsonBytes);
  if (!text) {
    found.remark(fmt::format("{}: .dep-v0: {}", path, text.error().message));
    return;
  }
  const auto json = json_of({path, *text}, found);
  if (!json) return;
  for (const boost::json::value& package : array_of(*json, "packages")) {
    // "runtime" is what is left out; "build" was needed for building alone.
    const auto kind = codec::string_member(package, "kind");
    if (kind && *kind != "runtime") continue;
    found.add({.type = packages::Type::cargo,
               .name = text_of(package, "name"),
               .version = text_of(package, "version"),
               .path = std::string(path),
               .detector = "cargo"});
  }
}

}  // namespace holdfast::detect
