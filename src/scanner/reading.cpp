#include "scanner/reading.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "codec/text.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::uint64_t kMemberBytes = 256ULL << 20U;  // an archive within the archive
constexpr std::uint64_t kUnpackedBytes = 64ULL << 30U;
constexpr std::int64_t kTellEvery = 10'000;
constexpr int kDepth = 2;  // archives within archives
// What libarchive calls the one file in what is only compressed.
constexpr std::string_view kNoName = "data";

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "osv/Debian/all.zip": Debian.
std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  path = path.substr(0, slash);
  return path.substr(path.rfind('/') + 1);
}

bool is_archive(std::string_view name) {
  return name.ends_with(".zip") || name.ends_with(".tar") || name.ends_with(".gz") ||
         name.ends_with(".tgz") || name.ends_with(".zst");
}

worker::Source from_memory(std::string_view bytes) {
  return [bytes](std::span<std::byte> into) mutable -> Result<std::size_t> {
    const std::size_t size = std::min(into.size(), bytes.size());
    std::memcpy(into.data(), bytes.data(), size);
    bytes.remove_prefix(size);
    return size;
  };
}

}  // namespace

Result<void> Reading::upload(const worker::Source& source, std::string_view name) {
  return archive(source, name, 0);
}

Result<void> Reading::archive(const worker::Source& source, std::string_view name, int depth) {
  return parts_.launcher.read_archive(
      source, kMemberBytes,
      {.deadline = std::chrono::minutes(30),
       .unpacked_bytes = kUnpackedBytes,
       .answer_bytes = kUnpackedBytes},
      [&](std::string_view member, std::string_view bytes) {
        return take(member, bytes, name, depth);
      },
      parts_.stop);
}

Result<void> Reading::take(std::string_view member, std::string_view bytes, std::string_view name,
                           int depth) {
  const std::string_view folder = folder_of(member);
  const std::string_view source = folder.empty() ? name : folder;
  std::string_view file = file_name(member);
  if (is_archive(file)) {
    if (depth >= kDepth) return {};
    // "cve-severity.tsv.gz" holds one file, which has no name of its own.
    within_ = file.substr(0, file.rfind('.'));
    return archive(from_memory(bytes), source, depth + 1);
  }
  if (file == kNoName) file = within_;
  if (file == "known_exploited_vulnerabilities.json") return parts_.import.add_exploited(bytes);
  if (file == "manifest.json") return {};
  if (file.ends_with(".tsv")) return parts_.import.add_ratings(bytes);
  if (!file.ends_with(".json")) return {};
  if (++records_ % kTellEvery == 0) parts_.told(records_);
  return parts_.import.add(codec::to_text(source, 128), bytes);
}

}  // namespace holdfast::scanner
