#include "detect/program.hpp"

#include <algorithm>

#include "detect/languages.hpp"

namespace holdfast::detect {

namespace {

// The part of `bytes` that lies there; shorter or empty where they end before.
std::string_view slice(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset >= bytes.size()) return {};
  return bytes.substr(offset, std::min<std::uint64_t>(size, bytes.size() - offset));
}

// Up to the first NUL.
std::string_view c_string(std::string_view bytes) { return bytes.substr(0, bytes.find('\0')); }

// Numbers of one file, in its byte order.
struct Reader {
  std::string_view bytes;
  bool is_big_endian = false;
  [[nodiscard]] std::uint64_t number(std::uint64_t offset, std::size_t width) const {
    return number_at(bytes, offset, width, is_big_endian);
  }
};

// Field offsets are those of elf(5) for Elf32_ and Elf64_ structures.
Program parse_elf(std::string_view bytes) {
  const bool is_wide = slice(bytes, 4, 1) == "\x02";
  const Reader reader{bytes, slice(bytes, 5, 1) == "\x02"};
  const std::size_t word = is_wide ? 8 : 4;
  Program program;

  const std::uint64_t segments = reader.number(is_wide ? 0x20 : 0x1c, word);
  const std::uint64_t segment_size = reader.number(is_wide ? 0x36 : 0x2a, 2);
  const std::uint64_t segment_count = reader.number(is_wide ? 0x38 : 0x2c, 2);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(segment_count, kParts); ++i) {
    constexpr std::uint64_t kLoad = 1;
    const std::uint64_t at = segments + i * segment_size;
    if (reader.number(at, 4) != kLoad) continue;
    const std::uint64_t offset = reader.number(at + (is_wide ? 8 : 4), word);
    const std::uint64_t size = reader.number(at + (is_wide ? 32 : 16), word);
    program.segments.push_back({.name = {},
                                .address = reader.number(at + (is_wide ? 16 : 8), word),
                                .bytes = slice(bytes, offset, size)});
  }

  const std::uint64_t sections = reader.number(is_wide ? 0x28 : 0x20, word);
  const std::uint64_t section_size = reader.number(is_wide ? 0x3a : 0x2e, 2);
  const std::uint64_t section_count = reader.number(is_wide ? 0x3c : 0x30, 2);
  const std::uint64_t names_at = sections + reader.number(is_wide ? 0x3e : 0x32, 2) * section_size;
  const std::string_view names = slice(bytes, reader.number(names_at + (is_wide ? 24 : 16), word),
                                       reader.number(names_at + (is_wide ? 32 : 20), word));
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(section_count, kParts); ++i) {
    constexpr std::uint64_t kNoBits = 8;
    const std::uint64_t at = sections + i * section_size;
    if (reader.number(at + 4, 4) == kNoBits) continue;
    const std::uint64_t offset = reader.number(at + (is_wide ? 24 : 16), word);
    const std::uint64_t size = reader.number(at + (is_wide ? 32 : 20), word);
    program.sections.push_back({.name = c_string(slice(names, reader.number(at, 4), 64)),
                                .address = reader.number(at + (is_wide ? 16 : 12), word),
                                .bytes = slice(bytes, offset, size)});
  }
  return program;
}

// https://learn.microsoft.com/windows/win32/debug/pe-format. Addresses in Go's old form count from
// the image's base.
std::optional<Program> parse_pe(std::string_view bytes) {
  const Reader reader{bytes};
  const std::uint64_t header = reader.number(0x3c, 4);
  if (slice(bytes, header, 4) != std::string_view("PE\0\0", 4)) return std::nullopt;
  const std::uint64_t optional_header = header + 24;
  const bool is_wide = reader.number(optional_header, 2) == 0x20b;
  const std::uint64_t base =
      is_wide ? reader.number(optional_header + 24, 8) : reader.number(optional_header + 28, 4);
  const std::uint64_t sections = optional_header + reader.number(header + 20, 2);
  const std::uint64_t count = reader.number(header + 6, 2);
  Program program;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kParts); ++i) {
    const std::uint64_t at = sections + i * 40;
    program.sections.push_back(
        {.name = c_string(slice(bytes, at, 8)),
         .address = base + reader.number(at + 12, 4),
         .bytes = slice(bytes, reader.number(at + 20, 4), reader.number(at + 16, 4))});
  }
  program.segments = program.sections;
  return program;
}

// mach-o/loader.h: segment commands and the sections in them.
Program parse_mach_o(std::string_view bytes) {
  const bool is_big_endian = bytes.starts_with("\xfe\xed");
  const Reader reader{bytes, is_big_endian};
  const bool is_wide = (reader.number(0, 4) & 0xffU) == 0xcf;
  const std::size_t word = is_wide ? 8 : 4;
  const std::uint64_t segment_command = is_wide ? 0x19 : 0x1;
  const std::uint64_t segment_header = is_wide ? 72 : 56;
  const std::uint64_t section_size = is_wide ? 80 : 68;
  Program program;
  std::uint64_t at = is_wide ? 32 : 28;
  const std::uint64_t commands = std::min<std::uint64_t>(reader.number(16, 4), kParts);
  for (std::uint64_t i = 0; i < commands; ++i) {
    const std::uint64_t size = reader.number(at + 4, 4);
    if (size < 8) break;
    if (reader.number(at, 4) == segment_command) {
      program.segments.push_back({.name = {},
                                  .address = reader.number(at + 24, word),
                                  .bytes = slice(bytes, reader.number(at + 24 + 2 * word, word),
                                                 reader.number(at + 24 + 3 * word, word))});
      const std::uint64_t count = reader.number(at + segment_header - 8, 4);
      for (std::uint64_t j = 0; j < count && program.sections.size() < kParts; ++j) {
        const std::uint64_t section = at + segment_header + j * section_size;
        program.sections.push_back({.name = c_string(slice(bytes, section, 16)),
                                    .address = reader.number(section + 32, word),
                                    .bytes = slice(bytes, reader.number(section + 32 + 2 * word, 4),
                                                   reader.number(section + 32 + word, word))});
      }
    }
    at += size;
  }
  return program;
}

bool is_mach_o(std::string_view bytes) {
  return bytes.starts_with("\xfe\xed\xfa\xce") || bytes.starts_with("\xfe\xed\xfa\xcf") ||
         bytes.starts_with("\xce\xfa\xed\xfe") || bytes.starts_with("\xcf\xfa\xed\xfe");
}

}  // namespace

std::uint64_t number_at(std::string_view bytes, std::uint64_t offset, std::size_t width,
                        bool is_big_endian) {
  if (offset > bytes.size() || bytes.size() - offset < width) return 0;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t at = is_big_endian ? i : width - 1 - i;
    number = (number << 8U) | static_cast<unsigned char>(bytes[offset + at]);
  }
  return number;
}

std::string_view Program::at(std::uint64_t address) const {
  for (const Part& segment : segments) {
    if (address >= segment.address && address - segment.address < segment.bytes.size()) {
      return segment.bytes.substr(address - segment.address);
    }
  }
  return {};
}

const Part* Program::section(std::string_view name) const {
  const auto found = std::ranges::find(sections, name, &Part::name);
  return found == sections.end() ? nullptr : &*found;
}

std::optional<Program> parse_program(std::string_view bytes) {
  if (bytes.starts_with("\x7f"
                        "ELF")) {
    return parse_elf(bytes);
  }
  if (bytes.starts_with("MZ")) return parse_pe(bytes);
  if (is_mach_o(bytes)) return parse_mach_o(bytes);
  return std::nullopt;
}

void detect_program(const File& file, Found& found) {
  const auto program = parse_program(file.bytes);
  if (!program) return;
  detect_go(*program, file.path, found);
  detect_rust_program(*program, file.path, found);
}

}  // namespace holdfast::detect
