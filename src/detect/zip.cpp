#include "detect/zip.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <zlib.h>

#include "detect/program.hpp"

namespace holdfast::detect {

namespace {

constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kLocalBytes = 30;
constexpr std::uint64_t kIn64 = 0xffffffff;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;

std::uint64_t little(std::string_view bytes, std::uint64_t offset, std::size_t width) {
  return number_at(bytes, offset, width, false);
}

Error invalid(std::string message) {
  return fail(ErrorCode::corrupt, kZipInvalid, std::move(message));
}
Error too_large(std::string message) {
  return fail(ErrorCode::too_large, kZipTooLarge, std::move(message));
}

struct Directory {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
  std::uint64_t prefix = 0;  // bytes before what offsets count from
};

// The record of zip64 lies before its locator, whose offset does not know of a prefix.
std::optional<std::uint64_t> find_end_64(std::string_view bytes, std::uint64_t end) {
  constexpr std::uint64_t kLocatorBytes = 20;
  constexpr std::uint64_t kRecordBytes = 56;
  if (end < kLocatorBytes + kRecordBytes) return std::nullopt;
  const std::uint64_t locator = end - kLocatorBytes;
  if (bytes.substr(locator, 4) != "PK\x06\x07") return std::nullopt;
  for (const std::uint64_t at : {little(bytes, locator + 8, 8), locator - kRecordBytes}) {
    if (at <= locator - kRecordBytes && bytes.substr(at, 4) == "PK\x06\x06") return at;
  }
  return std::nullopt;
}

Result<Directory> find_directory(std::string_view bytes) {
  constexpr std::size_t kComment = 0xffff;
  const std::size_t from = bytes.size() - std::min(bytes.size(), kEndBytes + kComment);
  const std::size_t found = bytes.substr(from).rfind("PK\x05\x06");
  if (found == std::string_view::npos) return invalid("no end of a zip's directory");
  std::uint64_t end = from + found;
  if (bytes.size() - end < kEndBytes) return invalid("the end of the zip's directory is cut off");
  std::uint64_t size = little(bytes, end + 12, 4);
  std::uint64_t offset = little(bytes, end + 16, 4);
  if (const auto end_64 = find_end_64(bytes, end)) {
    if (size == kIn64) size = little(bytes, *end_64 + 40, 8);
    if (offset == kIn64) offset = little(bytes, *end_64 + 48, 8);
    end = *end_64;
  }
  if (size > end || offset > end - size) return invalid("the zip's directory is not in the file");
  return Directory{.begin = end - size, .size = size, .prefix = end - size - offset};
}

// Sizes and offset that did not fit stand in the extra field 1, in this order.
void read_zip_64(std::string_view extra, ZipEntry& entry) {
  while (extra.size() >= 4) {
    const std::uint64_t size = little(extra, 2, 2);
    std::string_view field = extra.substr(4, size);
    if (little(extra, 0, 2) == 1) {
      for (std::uint64_t* number : {&entry.unpacked_bytes, &entry.packed_bytes, &entry.offset}) {
        if (*number != kIn64 || field.size() < 8) continue;
        *number = little(field, 0, 8);
        field.remove_prefix(8);
      }
      return;
    }
    extra.remove_prefix(std::min<std::size_t>(4 + size, extra.size()));
  }
}

// Entries that share bytes make a bomb out of a small file; no tool that packs makes them.
bool do_overlap(std::vector<ZipEntry> entries) {
  std::ranges::sort(entries, {}, &ZipEntry::offset);
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const ZipEntry& before = entries[i - 1];
    const std::uint64_t head = kLocalBytes + before.name.size();
    const std::uint64_t room = entries[i].offset - before.offset;
    if (room < head || before.packed_bytes > room - head) return true;
  }
  return false;
}

}  // namespace

Result<Zip> Zip::open(std::string_view bytes) {
  HF_TRY(const Directory directory, find_directory(bytes));
  Zip zip;
  zip.bytes_ = bytes;
  std::string_view rest = bytes.substr(directory.begin, directory.size);
  while (rest.size() >= kCentralBytes && rest.starts_with("PK\x01\x02")) {
    if (zip.entries_.size() >= kEntries) return too_large("more entries than are read of a zip");
    const std::uint64_t name = little(rest, 28, 2);
    const std::uint64_t extra = little(rest, 30, 2);
    const std::uint64_t comment = little(rest, 32, 2);
    if (name + extra + comment > rest.size() - kCentralBytes) break;
    ZipEntry entry{.name = rest.substr(kCentralBytes, name),
                   .method = static_cast<std::uint16_t>(little(rest, 10, 2)),
                   .is_encrypted = (little(rest, 8, 2) & 1U) != 0,
                   .packed_bytes = little(rest, 20, 4),
                   .unpacked_bytes = little(rest, 24, 4),
                   .offset = little(rest, 42, 4)};
    read_zip_64(rest.substr(kCentralBytes + name, extra), entry);
    rest.remove_prefix(kCentralBytes + name + extra + comment);
    if (entry.offset > directory.begin - directory.prefix) {
      return invalid("an entry is not in the file");
    }
    entry.offset += directory.prefix;
    zip.entries_.push_back(entry);
  }
  if (!rest.empty()) return invalid("the zip's directory is cut off");
  if (do_overlap(zip.entries_)) return invalid("entries of the zip share bytes");
  return zip;
}

Result<std::string_view> Zip::packed(const ZipEntry& entry) const {
  if (entry.is_encrypted) {
    return fail(ErrorCode::unsupported, kZipUnsupported, "it is encrypted");
  }
  if (entry.offset > bytes_.size() || bytes_.substr(entry.offset, 4) != "PK\x03\x04") {
    return invalid("no entry where the directory says");
  }
  const std::uint64_t begin = entry.offset + kLocalBytes + little(bytes_, entry.offset + 26, 2) +
                              little(bytes_, entry.offset + 28, 2);
  if (begin > bytes_.size() || entry.packed_bytes > bytes_.size() - begin) {
    return invalid("it is cut off");
  }
  return bytes_.substr(begin, entry.packed_bytes);
}

std::string_view Zip::stored(const ZipEntry& entry) const {
  if (entry.method != kStored) return {};
  const auto content = packed(entry);
  return content ? *content : std::string_view();
}

Result<std::string> Zip::read(const ZipEntry& entry, std::uint64_t at_most,
                              std::uint64_t& bytes_left) const {
  constexpr std::uint64_t kAlwaysRead = 1ULL << 20U;
  HF_TRY(const std::string_view bytes, packed(entry));
  std::uint64_t limit = std::min(at_most, bytes_left);
  if (entry.method == kStored) {
    if (bytes.size() > limit) return too_large("larger than is read of such a file");
    bytes_left -= bytes.size();
    return std::string(bytes);
  }
  if (entry.method != kDeflated) {
    return fail(ErrorCode::unsupported, kZipUnsupported, "it is packed by an unknown method");
  }
  limit = std::min(limit, std::max(bytes.size() * kRatio, kAlwaysRead));
  auto content = inflate_all(bytes, true, limit, entry.unpacked_bytes);
  bytes_left -= content ? content->size() : limit;
  return content;
}

Result<std::string> inflate_all(std::string_view packed, bool is_raw, std::uint64_t at_most,
                                std::uint64_t expected) {
  z_stream stream{};
  if (inflateInit2(&stream, is_raw ? -MAX_WBITS : MAX_WBITS) != Z_OK) {
    return fail(ErrorCode::unavailable, kZipInvalid, "no memory to unpack it");
  }
  std::string content;
  content.reserve(std::min(expected, at_most));
  std::array<char, 65536> piece{};
  int status = Z_OK;
  // zlib counts in 32 bits; what programs and jars hold is less.
  const std::size_t given = std::min<std::size_t>(packed.size(), std::numeric_limits<uInt>::max());
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(given);
  while (status == Z_OK && content.size() <= at_most) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = piece.size();
    status = inflate(&stream, Z_NO_FLUSH);
    content.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (content.size() > at_most) return too_large("it unpacks to more than is read of such a file");
  if (status != Z_STREAM_END) return invalid("it cannot be unpacked, or is cut off");
  return content;
}

}  // namespace holdfast::detect
