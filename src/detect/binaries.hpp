// For tests: programs as linkers write them, of the few parts that detectors look at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::detect::testing {

// Appends numbers in the order of bytes that it was made with.
class Writer {
 public:
  explicit Writer(bool is_big_endian = false) : is_big_endian_(is_big_endian) {}
  Writer& number(std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) {
      const std::size_t shift = 8 * (is_big_endian_ ? width - 1 - i : i);
      bytes_ += static_cast<char>(value >> shift);
    }
    return *this;
  }
  Writer& text(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  Writer& up_to(std::size_t size) {
    if (bytes_.size() < size) bytes_.resize(size, '\0');
    return *this;
  }
  // Writes over what stands at `offset`.
  Writer& at(std::size_t offset, std::uint64_t value, std::size_t width) {
    Writer part(is_big_endian_);
    part.number(value, width);
    up_to(offset + width);
    bytes_.replace(offset, width, part.bytes());
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  bool is_big_endian_;
  std::string bytes_;
};

inline constexpr std::uint64_t kLoadAddress = 0x400000;
inline constexpr std::uint64_t kContentOffset = 0x400;

// An ELF file with `content` at kContentOffset, as a segment at kLoadAddress and a section.
inline std::string elf(std::string_view section, std::string_view content, std::size_t word = 8,
                       bool is_big_endian = false) {
  const bool is_wide = word == 8;
  Writer out(is_big_endian);
  out.text(
         "\x7f"
         "ELF")
      .number(is_wide ? 2 : 1, 1)
      .number(is_big_endian ? 2 : 1, 1)
      .up_to(0x40);
  const std::size_t sections = 0x100;
  const std::size_t section_size = is_wide ? 64 : 40;
  out.at(is_wide ? 0x20 : 0x1c, 0x40, word).at(is_wide ? 0x28 : 0x20, sections, word);
  out.at(is_wide ? 0x36 : 0x2a, is_wide ? 56 : 32, 2).at(is_wide ? 0x38 : 0x2c, 1, 2);
  out.at(is_wide ? 0x3a : 0x2e, section_size, 2).at(is_wide ? 0x3c : 0x30, 2, 2);
  out.at(is_wide ? 0x3e : 0x32, 0, 2);
  out.at(0x40, 1, 4).at(0x40 + (is_wide ? 8 : 4), kContentOffset, word);
  out.at(0x40 + (is_wide ? 16 : 8), kLoadAddress, word);
  out.at(0x40 + (is_wide ? 32 : 16), content.size(), word);
  // Section 0 holds the names, 1 the content.
  const std::size_t names = 0x300;
  out.at(sections, 0, 4).at(sections + 4, 3, 4);
  out.at(sections + (is_wide ? 24 : 16), names, word).at(sections + (is_wide ? 32 : 20), 64, word);
  const std::size_t one = sections + section_size;
  out.at(one, 1, 4).at(one + 4, 1, 4).at(one + (is_wide ? 16 : 12), kLoadAddress, word);
  out.at(one + (is_wide ? 24 : 16), kContentOffset, word);
  out.at(one + (is_wide ? 32 : 20), content.size(), word);
  out.up_to(names + 1).text(section).up_to(kContentOffset).text(content);
  return out.bytes();
}

// The same as PE; the name has at most 8 bytes.
inline std::string pe(std::string_view section, std::string_view content) {
  Writer out;
  out.text("MZ").at(0x3c, 0x80, 4).up_to(0x80).text(std::string_view("PE\0\0", 4));
  out.at(0x86, 1, 2).at(0x94, 240, 2).at(0x98, 0x20b, 2).at(0x98 + 24, kLoadAddress - 0x1000, 8);
  const std::size_t sections = 0x98 + 240;
  out.up_to(sections).text(section).up_to(sections + 8);
  out.at(sections + 12, 0x1000, 4).at(sections + 16, content.size(), 4);
  out.at(sections + 20, kContentOffset, 4).up_to(kContentOffset).text(content);
  return out.bytes();
}

// The same as Mach-O of 64 bits.
inline std::string mach_o(std::string_view section, std::string_view content) {
  Writer out;
  out.number(0xfeedfacf, 4).at(16, 1, 4).at(20, 152, 4).up_to(32);
  out.at(32, 0x19, 4).at(36, 152, 4).text("__DATA").up_to(56);
  out.at(56, kLoadAddress, 8).at(64, content.size(), 8).at(72, kContentOffset, 8);
  out.at(80, content.size(), 8).at(96, 1, 4).up_to(104).text(section).up_to(120).text("__DATA");
  out.at(136, kLoadAddress, 8).at(144, content.size(), 8).at(152, kContentOffset, 4);
  out.up_to(kContentOffset).text(content);
  return out.bytes();
}

}  // namespace holdfast::detect::testing
