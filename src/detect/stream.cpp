#include "detect/stream.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>

#include "codec/text.hpp"
#include "crypto/hash.hpp"

namespace holdfast::detect {

namespace {

constexpr std::size_t kBlockBytes = 128UZ << 10U;

struct Free {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Handle = std::unique_ptr<archive, Free>;

// A reader for libarchive that keeps the error of what it reads from.
struct Input {
  Pull pull;
  std::vector<std::byte> buffer = std::vector<std::byte>(kBlockBytes);
  std::optional<Error> error{};

  static la_ssize_t read(archive* handle, void* self, const void** bytes) {
    auto& input = *static_cast<Input*>(self);
    Result<std::size_t> got = input.pull(input.buffer);
    if (!got) {
      input.error = std::move(got).error();
      archive_set_error(handle, EIO, "the source failed");
      return -1;
    }
    *bytes = input.buffer.data();
    return static_cast<la_ssize_t>(*got);
  }
};

Error broken(archive* handle) {
  const char* why = archive_error_string(handle);
  return fail(ErrorCode::corrupt, kUnreadable,
              fmt::format("it cannot be unpacked: {}", why == nullptr ? "broken" : why));
}

// What libarchive says, or what its input said before.
Error problem(archive* handle, Input& input) {
  if (input.error) return *input.error;
  return broken(handle);
}

Member::Kind kind_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return Member::Kind::hard_link;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return Member::Kind::file;
    case AE_IFDIR:
      return Member::Kind::folder;
    case AE_IFLNK:
      return Member::Kind::symlink;
    case AE_IFCHR:
    case AE_IFBLK:
      return Member::Kind::device;
    default:
      return Member::Kind::other;
  }
}

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// Unpacks what compresses the whole: the bytes of the tar.
class Unpacked {
 public:
  static Result<std::unique_ptr<Unpacked>> open(Pull pull, std::uint64_t limit_bytes) {
    auto unpacked = std::unique_ptr<Unpacked>(new Unpacked(std::move(pull), limit_bytes));
    archive* handle = unpacked->handle_.get();
    archive_read_support_filter_gzip(handle);
    archive_read_support_filter_zstd(handle);
    archive_read_support_format_raw(handle);
    archive_read_support_format_empty(handle);
    if (archive_read_open(handle, &unpacked->input_, nullptr, Input::read, nullptr) != ARCHIVE_OK) {
      return problem(handle, unpacked->input_);
    }
    archive_entry* entry = nullptr;
    const int outcome = archive_read_next_header(handle, &entry);
    if (outcome == ARCHIVE_EOF) {
      unpacked->ended_ = true;
    } else if (outcome != ARCHIVE_OK) {
      return problem(handle, unpacked->input_);
    }
    return unpacked;
  }

  // The next bytes, which live until the next call; empty at the end.
  Result<std::span<const std::byte>> next() {
    if (ended_) return std::span<const std::byte>();
    const void* bytes = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int outcome = archive_read_data_block(handle_.get(), &bytes, &size, &offset);
    if (outcome == ARCHIVE_EOF) {
      ended_ = true;
      return std::span<const std::byte>();
    }
    if (outcome != ARCHIVE_OK) return problem(handle_.get(), input_);
    count_ += size;
    if (count_ > limit_bytes_) {
      return fail(ErrorCode::too_large, kTooLarge,
                  fmt::format("unpacked it has more than {}",
                              codec::size_text(static_cast<double>(limit_bytes_))));
    }
    const std::span piece(static_cast<const std::byte*>(bytes), size);
    hasher_.update(piece);
    return piece;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::string sha256() const { return codec::hex(hasher_.digest()); }

 private:
  Unpacked(Pull pull, std::uint64_t limit_bytes)
      : input_{.pull = std::move(pull)}, limit_bytes_(limit_bytes) {}

  Input input_;
  const std::uint64_t limit_bytes_;
  Handle handle_{archive_read_new()};
  crypto::Hasher hasher_{crypto::HashAlgorithm::sha256};
  std::uint64_t count_ = 0;
  bool ended_ = false;
};

class Reader final : public ArchiveReader {
 public:
  Result<void> start(Kind kind, Pull pull, std::uint64_t limit_bytes) {
    limit_bytes_ = limit_bytes;
    archive* handle = handle_.get();
    archive_read_support_format_tar(handle);
    archive_read_support_format_empty(handle);
    // Names are bytes, whatever their headers claim.
    archive_read_set_format_option(handle, "tar", "hdrcharset", "BINARY");
    if (kind == Kind::layer) {
      HF_TRY(unpacked_, Unpacked::open(std::move(pull), limit_bytes));
      if (archive_read_open(handle, this, nullptr, read_unpacked, nullptr) != ARCHIVE_OK) {
        return problem();
      }
      return {};
    }
    archive_read_support_format_zip_streamable(handle);
    archive_read_support_filter_gzip(handle);
    archive_read_support_filter_zstd(handle);
    archive_read_support_filter_xz(handle);
    // A single file, compressed or not.
    archive_read_support_format_raw(handle);
    input_.pull = std::move(pull);
    if (archive_read_open(handle, &input_, nullptr, Input::read, nullptr) != ARCHIVE_OK) {
      return problem();
    }
    return {};
  }

  Result<bool> next(Member& member) override {
    archive_entry* entry = nullptr;
    const int outcome = archive_read_next_header(handle_.get(), &entry);
    if (outcome == ARCHIVE_EOF) return false;
    // A warning is of a name or an attribute that is not as it should be: the member is there.
    if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN) return problem();
    at_ = 0;
    gap_ = 0;
    pending_ = {};
    member = {.name = text_of(archive_entry_pathname(entry)), .kind = kind_of(entry)};
    if (member.kind == Member::Kind::hard_link) {
      member.target = text_of(archive_entry_hardlink(entry));
    } else if (member.kind == Member::Kind::symlink) {
      member.target = text_of(archive_entry_symlink(entry));
    } else if (member.kind == Member::Kind::device) {
      member.is_null_device = archive_entry_filetype(entry) == AE_IFCHR &&
                              archive_entry_rdevmajor(entry) == 0 &&
                              archive_entry_rdevminor(entry) == 0;
    }
    return true;
  }

  Result<std::string_view> piece() override {
    // A block may be empty without being the last.
    while (gap_ == 0 && pending_.empty()) {
      const void* bytes = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int outcome = archive_read_data_block(handle_.get(), &bytes, &size, &offset);
      if (outcome == ARCHIVE_EOF) return std::string_view();
      if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN) return problem();
      pending_ = {static_cast<const char*>(bytes), size};
      const auto begin = static_cast<std::uint64_t>(offset);
      gap_ = begin > at_ ? begin - at_ : 0;
      at_ = begin + size;
      if (!unpacked_) {
        count_ += size + gap_;
        if (count_ > limit_bytes_) {
          return fail(ErrorCode::too_large, kTooLarge,
                      fmt::format("unpacked it has more than {}",
                                  codec::size_text(static_cast<double>(limit_bytes_))));
        }
      }
    }
    if (gap_ > 0) {
      const auto size = std::min<std::uint64_t>(gap_, kZeros.size());
      gap_ -= size;
      return std::string_view(kZeros.data(), size);
    }
    const std::string_view piece = pending_.substr(0, kPieceBytes);
    pending_.remove_prefix(piece.size());
    return piece;
  }

  Result<void> drain() override {
    if (!unpacked_) return {};
    for (bool more = true; more;) {
      HF_TRY(const auto rest, unpacked_->next());
      more = !rest.empty();
    }
    return {};
  }
  [[nodiscard]] std::uint64_t unpacked_bytes() const override {
    return unpacked_ ? unpacked_->count() : count_;
  }
  [[nodiscard]] std::string sha256() const override {
    return unpacked_ ? unpacked_->sha256() : std::string();
  }

 private:
  static constexpr std::array<char, 4096> kZeros{};

  static la_ssize_t read_unpacked(archive* handle, void* self, const void** bytes) {
    auto& reader = *static_cast<Reader*>(self);
    Result<std::span<const std::byte>> piece = reader.unpacked_->next();
    if (!piece) {
      reader.input_.error = std::move(piece).error();
      archive_set_error(handle, EIO, "the stream failed");
      return -1;
    }
    *bytes = piece->data();
    return static_cast<la_ssize_t>(piece->size());
  }

  Error problem() { return detect::problem(handle_.get(), input_); }

  Handle handle_{archive_read_new()};
  Input input_;
  std::unique_ptr<Unpacked> unpacked_;  // of a layer
  std::uint64_t limit_bytes_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t at_ = 0;        // behind the present piece, in the member
  std::uint64_t gap_ = 0;       // zeros before it
  std::string_view pending_{};  // what of it was not given yet
};

}  // namespace

Result<std::unique_ptr<ArchiveReader>> ArchiveReader::open(Kind kind, Pull pull,
                                                           std::uint64_t unpacked_bytes) {
  auto reader = std::make_unique<Reader>();
  HF_CHECK(reader->start(kind, std::move(pull), unpacked_bytes));
  return std::unique_ptr<ArchiveReader>(std::move(reader));
}

}  // namespace holdfast::detect
