// Programs as ELF, PE and Mach-O hold them: just enough to find what toolchains write into them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::detect {

// Part of a program. Views are into the file.
struct Part {
  std::string_view name;      // of a section: ".dep-v0"; empty for segments
  std::uint64_t address = 0;  // where it is loaded
  std::string_view bytes;     // as far as the file has them
};

struct Program {
  std::vector<Part> sections{};
  std::vector<Part> segments{};  // what addresses lead to; the sections again in PE

  // The bytes from `address` on to the end of their segment; empty when it is in none.
  [[nodiscard]] std::string_view at(std::uint64_t address) const;
  // The first section of that name, or null.
  [[nodiscard]] const Part* section(std::string_view name) const;
};

// Reads headers and tables, of at most kParts parts each; a table that leads out of the file ends
// there. Nothing when it is no ELF, PE or Mach-O.
std::optional<Program> parse_program(std::string_view bytes);
inline constexpr std::size_t kParts = 1'000;

// A number of 1, 2, 4 or 8 bytes at `offset`; 0 where the bytes end before.
std::uint64_t number_at(std::string_view bytes, std::uint64_t offset, std::size_t width,
                        bool is_big_endian);

}  // namespace holdfast::detect
