// What Go's linker writes into each program: the toolchain and the modules (package
// debug/buildinfo). Since 1.18 the texts stand behind a header, before it pointed to them.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string>

#include "detect/languages.hpp"
#include "detect/lines.hpp"
#include "detect/program.hpp"

namespace holdfast::detect {

namespace {

constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kAlignment = 16;

struct BuildInfo {
  std::string_view go_version;
  std::string_view modules;
};

// A length of the form of encoding/binary's Uvarint, then that many bytes, which are taken off.
std::optional<std::string_view> take_text(std::string_view& bytes) {
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < 10 && i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    size |= static_cast<std::uint64_t>(byte & 0x7fU) << (7 * i);
    if (byte >= 0x80) continue;
    if (size > bytes.size() - i - 1) return std::nullopt;
    const std::string_view text = bytes.substr(i + 1, size);
    bytes.remove_prefix(i + 1 + size);
    return text;
  }
  return std::nullopt;
}

// A string as Go has it in memory: where its bytes are and how many.
std::string_view pointed_text(const Program& program, std::uint64_t address, std::size_t width,
                              bool is_big_endian) {
  const std::string_view header = program.at(address);
  const std::string_view bytes = program.at(number_at(header, 0, width, is_big_endian));
  const std::uint64_t size = number_at(header, width, width, is_big_endian);
  return size > bytes.size() ? std::string_view() : bytes.substr(0, size);
}

std::optional<BuildInfo> build_info_at(const Program& program, std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const std::size_t width = static_cast<unsigned char>(bytes[14]);
  const auto flags = static_cast<unsigned char>(bytes[15]);
  BuildInfo info;
  if ((flags & 2U) != 0) {
    bytes.remove_prefix(kHeaderBytes);
    const auto version = take_text(bytes);
    const auto modules = version ? take_text(bytes) : std::nullopt;
    if (!modules) return std::nullopt;
    info = {.go_version = *version, .modules = *modules};
  } else {
    if (width != 4 && width != 8) return std::nullopt;
    const bool is_big_endian = (flags & 1U) != 0;
    const auto text = [&](std::size_t offset) {
      return pointed_text(program, number_at(bytes, offset, width, is_big_endian), width,
                          is_big_endian);
    };
    info = {.go_version = text(16), .modules = text(16 + width)};
  }
  if (info.go_version.empty()) return std::nullopt;
  // It stands between two marks of 16 bytes, the first of which ends with no line end.
  constexpr std::size_t kMark = 16;
  const bool is_marked =
      info.modules.size() > 2 * kMark && info.modules[info.modules.size() - kMark - 1] == '\n';
  info.modules =
      is_marked ? info.modules.substr(kMark, info.modules.size() - 2 * kMark) : std::string_view();
  return info;
}

std::optional<BuildInfo> build_info_in(const Program& program, const Part& part) {
  constexpr int kTries = 16;
  std::size_t at = 0;
  for (int i = 0; i < kTries; ++i) {
    at = part.bytes.find(kMagic, at);
    if (at == std::string_view::npos) break;
    if ((part.address + at) % kAlignment == 0) {
      if (auto info = build_info_at(program, part.bytes.substr(at))) return info;
    }
    ++at;
  }
  return std::nullopt;
}

std::optional<BuildInfo> build_info_of(const Program& program) {
  for (const std::string_view name : {".go.buildinfo", "__go_buildinfo"}) {
    const Part* part = program.section(name);
    if (part == nullptr) continue;
    if (auto info = build_info_in(program, *part)) return info;
  }
  // Segments may overlap in a made-up file: what is looked through is bounded.
  constexpr std::uint64_t kSearched = 4 * kProgramBytes;
  std::uint64_t searched = 0;
  for (const Part& part : program.segments) {
    searched += part.bytes.size();
    if (searched > kSearched) break;
    if (auto info = build_info_in(program, part)) return info;
  }
  return std::nullopt;
}

// "go1.21rc2 X:nocoverageredesign" is "1.21.0-rc.2" for advisories, which write semantic versions;
// toolchains between releases ("devel go1.23-…") have none.
std::string version_of_toolchain(std::string_view text) {
  if (!text.starts_with("go")) return {};
  text = text.substr(2, std::min(text.find_first_of(" -+"), text.size()) - 2);
  const std::size_t letters = text.find_first_of("abcdefghijklmnopqrstuvwxyz");
  if (letters == std::string_view::npos) return std::string(text);
  const std::size_t digits = std::min(text.find_first_of("0123456789", letters), text.size());
  std::string release(text.substr(0, letters));
  while (std::ranges::count(release, '.') < 2) release += ".0";
  return fmt::format("{}-{}.{}", release, text.substr(letters, digits - letters),
                     text.substr(digits));
}

// "dep\tgolang.org/x/text\tv0.3.7\th1:…": the part at `index`.
std::string_view field(std::string_view line, int index) {
  for (; index > 0; --index) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return {};
    line.remove_prefix(tab + 1);
  }
  return line.substr(0, line.find('\t'));
}

// A replacement takes the module's place. One that is a folder has no version, nor has the code
// that is in it: the module keeps its name alone.
void replace(packages::Package& module, std::string_view path, std::string_view version) {
  if (path.starts_with("./") || path.starts_with("../") || path.starts_with('/')) {
    module.version.clear();
    return;
  }
  module.name = path;
  module.version = version;
}

}  // namespace

void detect_go(const Program& program, std::string_view path, Found& found) {
  const auto info = build_info_of(program);
  if (!info) return;
  const auto module = [&](std::string_view name, std::string_view version) {
    return packages::Package{.type = packages::Type::golang,
                             .name = std::string(name),
                             .version = std::string(version == "(devel)" ? "" : version),
                             .path = std::string(path),
                             .detector = "go"};
  };
  found.add(module("stdlib", version_of_toolchain(info->go_version)));
  std::optional<packages::Package> last;
  for_each_line(info->modules, [&](std::string_view line) {
    const std::string_view kind = field(line, 0);
    if (kind == "=>" && last) replace(*last, field(line, 1), field(line, 2));
    if (kind != "mod" && kind != "dep") return;
    if (last) found.add(std::move(*last));
    last = module(field(line, 1), field(line, 2));
  });
  if (last) found.add(std::move(*last));
}

}  // namespace holdfast::detect
