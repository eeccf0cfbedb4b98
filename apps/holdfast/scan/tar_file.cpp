#include "scan/tar_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::scan {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kMembersAtMost = 100'000;
constexpr std::uint64_t kExtensionBytes = 1ULL << 20U;
constexpr std::string_view kPlaceOfMagic = "ustar";

Error unreadable(std::string_view path, int error) {
  return fail(ErrorCode::unavailable, kTargetUnreadable,
              fmt::format("{} cannot be read: {}", path, std::strerror(error)));
}

Error broken(std::string message) {
  return fail(ErrorCode::corrupt, kTargetBroken, std::move(message));
}

// What would have to be unpacked first, and by what.
std::string_view unpacker_of(std::string_view head) {
  if (head.starts_with("\x1f\x8b")) return "gunzip";
  if (head.starts_with("\x28\xb5\x2f\xfd")) return "unzstd";
  if (head.starts_with(std::string_view("\xfd"
                                        "7zXZ\0",
                                        6))) {
    return "unxz";
  }
  if (head.starts_with("BZh")) return "bunzip2";
  if (head.starts_with("PK\x03\x04")) return "unzip";
  return {};
}

std::string_view text_at(std::string_view block, std::size_t at, std::size_t size) {
  const std::string_view field = block.substr(at, size);
  return field.substr(0, field.find('\0'));
}

std::optional<std::uint64_t> number_at(std::string_view block, std::size_t at, std::size_t size) {
  std::string_view field = block.substr(at, size);
  std::uint64_t number = 0;
  if ((static_cast<unsigned char>(field[0]) & 0x80U) != 0) {  // GNU's: binary, the big end first
    for (std::size_t i = 1; i < field.size(); ++i) {
      if (number >> 55U != 0) return std::nullopt;
      number = number << 8U | static_cast<unsigned char>(field[i]);
    }
    return number;
  }
  field = field.substr(0, field.find('\0'));
  while (field.starts_with(' ')) field.remove_prefix(1);
  while (field.ends_with(' ')) field.remove_suffix(1);
  if (field.empty()) return 0;
  const auto [end, problem] = std::from_chars(field.data(), field.data() + field.size(), number, 8);
  if (problem != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return number;
}

bool has_good_sum(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return number_at(block, 148, 8) == sum;
}

// "./a//b/": "a/b". Empty for what leads out.
std::string normal(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return {};
      out.resize(out.contains('/') ? out.rfind('/') : 0);
      continue;
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<InputFile>> InputFile::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return unreadable(path.string(), errno);
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::unavailable, kTargetUnreadable,
                fmt::format("{} is no regular file", path.string()));
  }
  return std::shared_ptr<InputFile>(
      new InputFile(descriptor, static_cast<std::uint64_t>(status.st_size), path.string()));
}

InputFile::~InputFile() { ::close(descriptor_); }

Result<std::size_t> InputFile::read_at(std::uint64_t at, std::span<std::byte> into) const {
  while (true) {
    const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(at));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return unreadable(path_, errno);
  }
}

worker::Source source_of(std::shared_ptr<const InputFile> file, std::uint64_t at,
                         std::uint64_t size_bytes) {
  return [file = std::move(file), at,
          left = size_bytes](std::span<std::byte> into) mutable -> Result<std::size_t> {
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left)));
    if (into.empty()) return 0UZ;
    HF_TRY(const std::size_t got, file->read_at(at, into));
    at += got;
    left -= got;
    return got;
  };
}

// Goes from header to header.
class TarFile::Headers {
 public:
  explicit Headers(TarFile& tar) : tar_(tar) {}

  Result<void> read() {
    for (std::size_t count = 0;; ++count) {
      if (count > kMembersAtMost) {
        return broken(fmt::format("the archive has more than {} members", kMembersAtMost));
      }
      HF_TRY(const std::string block, bytes_at(at_, kBlock));
      // Two empty blocks end it; those who write one, or none, are read as well.
      if (block.empty() || std::ranges::all_of(block, [](char c) { return c == '\0'; })) return {};
      if (block.size() < kBlock) return cut_off();
      if (!has_good_sum(block)) {
        return broken(count == 0 ? "it is no tar archive" : "the archive is broken: a bad header");
      }
      HF_CHECK(take(block));
    }
  }

 private:
  static Error cut_off() { return broken("the archive is cut off: fetch or write it again"); }

  Result<std::string> bytes_at(std::uint64_t at, std::uint64_t size) const {
    std::string bytes(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
      HF_TRY(const std::size_t got,
             tar_.file_->read_at(at + filled,
                                 std::as_writable_bytes(std::span(bytes)).subspan(filled)));
      if (got == 0) break;
      filled += got;
    }
    bytes.resize(filled);
    return bytes;
  }

  Result<void> take(std::string_view block) {
    const auto said = number_at(block, 124, 12);
    const char kind = block[156];
    const bool is_extension = kind == 'x' || kind == 'L' || kind == 'K';
    // What a header before said of the size is not of an extension itself.
    const auto size = !is_extension && size_ ? size_ : said;
    const std::uint64_t end = tar_.file_->size_bytes();
    if (!size) return broken("the archive is broken: a bad size");
    at_ += kBlock;
    if (*size > end || at_ > end - *size) return cut_off();
    const std::uint64_t begin = at_;
    at_ += (*size + kBlock - 1) / kBlock * kBlock;
    if (is_extension) return extend(kind, begin, *size);
    std::string name = name_ ? *name_ : std::string(text_at(block, 0, 100));
    if (!name_ && block.substr(257, 5) == kPlaceOfMagic && block[345] != '\0' &&
        block.substr(257, 8) != std::string_view("ustar  \0", 8)) {
      name = fmt::format("{}/{}", text_at(block, 345, 155), name);
    }
    const std::string link = link_ ? *link_ : std::string(text_at(block, 157, 100));
    name_.reset();
    link_.reset();
    size_.reset();
    name = normal(name);
    if (name.empty()) return {};
    if (kind == '0' || kind == '\0' || kind == '7') {
      tar_.members_[name] = {.at = begin, .size_bytes = *size, .link = {}};
    } else if (kind == '1' || kind == '2') {
      const bool is_beside = kind == '2' && name.contains('/');
      const std::string to = normal((is_beside ? name.substr(0, name.rfind('/') + 1) : "") + link);
      if (!to.empty()) tar_.members_[name] = {.link = to};
    }
    return {};
  }

  Result<void> extend(char kind, std::uint64_t begin, std::uint64_t size) {
    if (size > kExtensionBytes) return broken("the archive is broken: a header without bounds");
    HF_TRY(const std::string bytes, bytes_at(begin, size));
    if (kind == 'L') name_ = bytes.substr(0, bytes.find('\0'));
    if (kind == 'K') link_ = bytes.substr(0, bytes.find('\0'));
    if (kind == 'x') return extend(bytes);
    return {};
  }

  // "LENGTH KEY=VALUE\n", the length of the whole.
  Result<void> extend(std::string_view records) {
    while (!records.empty()) {
      std::size_t length = 0;
      const auto [blank, problem] =
          std::from_chars(records.data(), records.data() + records.size(), length);
      const auto head = static_cast<std::size_t>(blank - records.data());
      if (problem != std::errc() || length > records.size() || length < head + 3) {
        return broken("the archive is broken: a bad extended header");
      }
      const std::string_view record = records.substr(head + 1, length - head - 2);
      records.remove_prefix(length);
      const std::size_t equals = record.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view key = record.substr(0, equals);
      const std::string_view value = record.substr(equals + 1);
      if (key == "path") name_ = value;
      if (key == "linkpath") link_ = value;
      if (key == "size") {
        std::uint64_t number = 0;
        const auto [last, wrong] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        if (wrong != std::errc()) return broken("the archive is broken: a bad size");
        size_ = number;
      }
    }
    return {};
  }

  TarFile& tar_;
  std::uint64_t at_ = 0;
  // Of the next member, said by headers before its own.
  std::optional<std::string> name_;
  std::optional<std::string> link_;
  std::optional<std::uint64_t> size_;
};

Result<std::shared_ptr<TarFile>> TarFile::open(const std::filesystem::path& path) {
  HF_TRY(const auto file, InputFile::open(path));
  std::array<char, 8> head{};
  HF_TRY(const std::size_t got, file->read_at(0, std::as_writable_bytes(std::span(head))));
  if (const auto unpacker = unpacker_of({head.data(), got}); !unpacker.empty()) {
    return fail(ErrorCode::unsupported, kTargetUnsupported,
                fmt::format("{} is compressed; unpack it first, by {}: layers within it may stay "
                            "compressed",
                            path.string(), unpacker));
  }
  std::shared_ptr<TarFile> tar(new TarFile(file));
  if (auto read = Headers(*tar).read(); !read) {
    read.error().message = fmt::format("{}: {}", path.string(), read.error().message);
    return read.error();
  }
  return tar;
}

const TarFile::Member* TarFile::find(std::string_view name) const {
  auto found = members_.find(normal(name));
  // docker save of long ago wrote a layer once, and links to it.
  if (found != members_.end() && !found->second.link.empty()) {
    found = members_.find(found->second.link);
  }
  if (found == members_.end() || !found->second.link.empty()) return nullptr;
  return &found->second;
}

bool TarFile::has(std::string_view name) const { return find(name) != nullptr; }

Result<worker::Source> TarFile::read(std::string_view name) const {
  const Member* member = find(name);
  if (member == nullptr) {
    return broken(fmt::format("the archive lacks {}", name.substr(0, 256)));
  }
  return source_of(file_, member->at, member->size_bytes);
}

}  // namespace holdfast::scan
