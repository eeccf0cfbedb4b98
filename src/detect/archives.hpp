// For tests: zip files as tools write them, and as strangers do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include <zlib.h>

#include "detect/binaries.hpp"

namespace holdfast::detect::testing {

inline std::string deflated(std::string_view content, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, content.size()) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct ZipMember {
  std::string name;
  std::string content;
  bool is_stored = false;
  std::uint64_t method = 8;  // as it says, when it is not stored
};

class ZipWriter {
 public:
  // `is_zip_64`: sizes and offsets stand in extra fields alone. `shares` makes the directory name
  // the first entry's bytes for each member.
  explicit ZipWriter(bool is_zip_64 = false, bool shares = false)
      : is_zip_64_(is_zip_64), shares_(shares) {}

  void add(const ZipMember& member) {
    const std::string packed = member.is_stored ? member.content : deflated(member.content, -15);
    const std::uint64_t method = member.is_stored ? 0 : member.method;
    const std::uint64_t offset = shares_ ? 0 : out_.bytes().size();
    if (offset == out_.bytes().size()) {
      out_.text("PK\x03\x04").number(20, 2).number(0, 2).number(method, 2).number(0, 8);
      out_.number(packed.size(), 4).number(member.content.size(), 4);
      out_.number(member.name.size(), 2).number(0, 2).text(member.name).text(packed);
    }
    const auto small = [&](std::uint64_t value) { return is_zip_64_ ? 0xffffffffU : value; };
    directory_.text("PK\x01\x02").number(20, 2).number(20, 2).number(0, 2).number(method, 2);
    directory_.number(0, 8).number(small(packed.size()), 4).number(small(member.content.size()), 4);
    directory_.number(member.name.size(), 2).number(is_zip_64_ ? 28 : 0, 2).number(0, 2);
    directory_.number(0, 2).number(0, 2).number(0, 4).number(small(offset), 4).text(member.name);
    if (is_zip_64_) {
      directory_.number(1, 2).number(24, 2).number(member.content.size(), 8);
      directory_.number(packed.size(), 8).number(offset, 8);
    }
    ++count_;
  }

  [[nodiscard]] std::string finish() const {
    Writer out = out_;
    const std::uint64_t begin = out.bytes().size();
    const std::uint64_t size = directory_.bytes().size();
    out.text(directory_.bytes());
    if (is_zip_64_) {
      const std::uint64_t end = out.bytes().size();
      out.text("PK\x06\x06").number(44, 8).number(45, 2).number(45, 2).number(0, 8);
      out.number(count_, 8).number(count_, 8).number(size, 8).number(begin, 8);
      out.text("PK\x06\x07").number(0, 4).number(end, 8).number(1, 4);
    }
    const auto small = [&](std::uint64_t value) { return is_zip_64_ ? 0xffffffffU : value; };
    out.text("PK\x05\x06").number(0, 4).number(count_, 2).number(count_, 2).number(small(size), 4);
    out.number(small(begin), 4).number(0, 2);
    return out.bytes();
  }

 private:
  bool is_zip_64_;
  bool shares_;
  Writer out_;
  Writer directory_;
  std::uint64_t count_ = 0;
};

inline std::string zip_of(const std::vector<ZipMember>& members, bool is_zip_64 = false) {
  ZipWriter writer(is_zip_64);
  for (const ZipMember& member : members) writer.add(member);
  return writer.finish();
}

}  // namespace holdfast::detect::testing
