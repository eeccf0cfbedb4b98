#include "scanner/reading.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>

#include "advisories/nvd.hpp"
#include "codec/text.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::uint64_t kMemberBytes = 4ULL << 30U;
constexpr std::uint64_t kUnpackedBytes = 64ULL << 30U;
// What is gathered in memory: an archive within the archive, a list.
constexpr std::size_t kArchiveBytes = 256UZ << 20U;
constexpr std::size_t kListBytes = 64UZ << 20U;
constexpr std::int64_t kTellEvery = 10'000;
constexpr int kDepth = 2;  // archives within archives

enum class What : std::uint8_t { skipped, archive, record, exploited, ratings, catalogue };

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "osv/Debian/all.zip": Debian.
std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  path = path.substr(0, slash);
  return path.substr(path.rfind('/') + 1);
}

bool is_archive(std::string_view name) {
  return std::ranges::any_of(
      std::to_array<std::string_view>({".zip", ".tar", ".gz", ".tgz", ".zst", ".xz"}),
      [&](std::string_view end) { return name.ends_with(end); });
}

// A table says in its first line which column has the CVE.
bool is_table(std::string_view head) {
  std::string_view line = head.substr(0, head.find_first_of("\r\n"));
  while (line.contains('\t')) {
    if (line.substr(0, line.find('\t')) == "cve") return true;
    line.remove_prefix(line.find('\t') + 1);
  }
  return line == "cve" && head.size() > line.size();
}

What what_is(std::string_view file, std::string_view head) {
  if (is_archive(file)) return What::archive;
  if (file == "manifest.json") return What::skipped;
  if (file.ends_with(".tsv") || is_table(head)) return What::ratings;
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  const bool is_object = first != std::string_view::npos && head[first] == '{';
  switch (is_object ? advisories::content_of(head) : advisories::Content::unknown) {
    case advisories::Content::exploited:
      return What::exploited;
    case advisories::Content::catalogue:
      return What::catalogue;
    case advisories::Content::record:
      return What::record;
    case advisories::Content::unknown:
      // Counted as a record that cannot be read, with its reason.
      return is_object || file.ends_with(".json") ? What::record : What::skipped;
  }
  return What::skipped;
}

bool is_of(feeds::Kind kind, What what) {
  switch (kind) {
    case feeds::Kind::osv:
      return what == What::record;
    case feeds::Kind::nvd:
      return what == What::catalogue;
    case feeds::Kind::kev:
      return what == What::exploited;
    case feeds::Kind::ratings:
      return what == What::ratings;
  }
  return false;
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

// Of one archive, piece by piece.
class Reading::Members {
 public:
  Members(Reading& reading, std::string_view name, int depth)
      : reading_(reading), name_(name), depth_(depth) {}

  Result<void> take(const worker::Launcher::Piece& piece) {
    const std::string_view file = file_name(piece.name);
    if (is_first_) HF_CHECK(begin(file, piece.bytes));
    is_first_ = piece.is_last;
    if (what_ == What::catalogue) {
      HF_CHECK(catalogue_->write(piece.bytes));
    } else if (what_ != What::skipped) {
      HF_CHECK(gather(file, piece.bytes));
    }
    if (!piece.is_last) return {};
    Result<void> outcome = end(piece.name);
    gathered_.clear();
    catalogue_.reset();
    return outcome;
  }

 private:
  Result<void> begin(std::string_view file, std::string_view head) {
    what_ = what_is(file, head);
    if (reading_.only_ && what_ != What::skipped && what_ != What::archive &&
        !is_of(*reading_.only_, what_)) {
      return fail(ErrorCode::invalid, kAdvisoriesUnknown,
                  fmt::format("it holds something else than a feed of the kind {} has",
                              feeds::name(*reading_.only_)));
    }
    if (what_ == What::archive && depth_ >= kDepth) what_ = What::skipped;
    if (what_ != What::catalogue) return {};
    catalogue_ = std::make_unique<advisories::NvdReader>(
        [this](const std::string& cve, const std::string& vector) {
          reading_.parts_.import.rate(cve, vector);
          count();
        });
    return {};
  }

  Result<void> gather(std::string_view file, std::string_view bytes) {
    // The import refuses a record that is larger, and goes on.
    constexpr std::size_t kRecordBytes = advisories::Import::kRecordBytes + 1;
    const bool is_record = what_ == What::record;
    const std::size_t at_most = is_record                ? kRecordBytes
                                : what_ == What::archive ? kArchiveBytes
                                                         : kListBytes;
    if (!is_record && gathered_.size() + bytes.size() > at_most) {
      return fail(
          ErrorCode::too_large, worker::kTooLarge,
          fmt::format("its member {} has more than {} bytes", codec::to_text(file, 128), at_most));
    }
    gathered_ += bytes.substr(0, at_most - gathered_.size());
    return {};
  }

  Result<void> end(std::string_view path) {
    switch (what_) {
      case What::skipped:
        return {};
      case What::archive:
        return reading_.archive(from_memory(gathered_), source_of(path), depth_ + 1);
      case What::record:
        count();
        return reading_.parts_.import.add(codec::to_text(source_of(path), 128), gathered_);
      case What::exploited:
        return reading_.parts_.import.add_exploited(gathered_);
      case What::ratings:
        return reading_.parts_.import.add_ratings(gathered_);
      case What::catalogue:
        HF_CHECK(catalogue_->finish());
        return {};
    }
    return {};
  }

  [[nodiscard]] std::string_view source_of(std::string_view path) const {
    const std::string_view folder = folder_of(path);
    return reading_.only_ || folder.empty() ? name_ : folder;
  }

  void count() {
    if (++reading_.records_ % kTellEvery == 0) reading_.parts_.told(reading_.records_);
  }

  Reading& reading_;
  const std::string_view name_;
  const int depth_;
  bool is_first_ = true;  // whether the next piece is the first of a member
  What what_ = What::skipped;
  std::string gathered_;
  std::unique_ptr<advisories::NvdReader> catalogue_;
};

Result<void> Reading::upload(const worker::Source& source, std::string_view name) {
  return archive(source, name, 0);
}

Result<void> Reading::feed(const worker::Source& source, const feeds::Feed& feed) {
  only_ = feed.kind;
  return archive(source, feed.name, 0);
}

Result<void> Reading::archive(const worker::Source& source, std::string_view name, int depth) {
  Members members(*this, name, depth);
  return parts_.launcher.read_archive(
      source, kMemberBytes,
      {.deadline = std::chrono::minutes(30),
       .unpacked_bytes = kUnpackedBytes,
       .answer_bytes = kUnpackedBytes},
      [&](const worker::Launcher::Piece& piece) { return members.take(piece); }, parts_.stop);
}

}  // namespace holdfast::scanner
