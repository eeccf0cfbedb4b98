#include "api/rest/spool.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::api::rest {

namespace {

// Boundary and fields before the file, and what follows it: browsers and curl write a few hundred
// bytes.
constexpr std::size_t kHeadBytes = 64UZ << 10U;
constexpr std::size_t kTailBytes = 4UZ << 10U;

Error failed(std::string_view what) {
  return fail(errno == ENOSPC || errno == EDQUOT ? ErrorCode::no_space : ErrorCode::unavailable,
              kSpoolFailed, fmt::format("an upload cannot be {}: {}", what, std::strerror(errno)));
}

Error invalid_form() {
  return fail(ErrorCode::invalid, kFormInvalid,
              "the form has no file: send it as multipart/form-data with a part named file, or as "
              "the body itself");
}

std::string boundary_of(std::string_view content_type) {
  constexpr std::string_view kName = "boundary=";
  const std::size_t at = content_type.find(kName);
  if (!content_type.starts_with("multipart/form-data") || at == std::string_view::npos) return {};
  std::string_view value = content_type.substr(at + kName.size());
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    return std::string(value.substr(0, value.find('"')));
  }
  return std::string(value.substr(0, value.find(';')));
}

Result<std::string> text_at(const Spool& spool, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    HF_TRY(const std::size_t got,
           spool.read_at(offset + done, std::as_writable_bytes(std::span(text).subspan(done))));
    if (got == 0) break;
    done += got;
  }
  text.resize(done);
  return text;
}

std::string file_name_in(std::string_view head) {
  constexpr std::string_view kName = "filename=\"";
  const std::size_t at = head.find(kName);
  if (at == std::string_view::npos) return {};
  head.remove_prefix(at + kName.size());
  return std::string(head.substr(0, head.find('"')));
}

}  // namespace

Result<Spool> Spool::open(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0) return failed("kept");
  return Spool(descriptor);
}

Spool::~Spool() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> Spool::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed("written");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    size_bytes_ += static_cast<std::uint64_t>(done);
  }
  return {};
}

Result<std::size_t> Spool::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  while (true) {
    const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return failed("read");
  }
}

Result<SpooledFile> file_in(const Spool& spool, std::string_view content_type) {
  const std::string boundary = boundary_of(content_type);
  if (boundary.empty()) return SpooledFile{.begin = 0, .size_bytes = spool.size_bytes()};
  const std::string mark = "--" + boundary;
  HF_TRY(const std::string head, text_at(spool, 0, kHeadBytes));
  for (std::size_t at = head.find(mark); at != std::string::npos;
       at = head.find(mark, at + mark.size())) {
    const std::size_t end = head.find("\r\n\r\n", at);
    if (end == std::string::npos) break;
    const std::string_view fields = std::string_view(head).substr(at, end - at);
    if (fields.find("filename=") == std::string_view::npos) continue;
    // The file is taken for the last part: what ends it is near the end.
    const std::uint64_t begin = end + 4;
    const std::uint64_t tail_at = std::max<std::uint64_t>(
        begin, spool.size_bytes() - std::min<std::uint64_t>(spool.size_bytes(), kTailBytes));
    HF_TRY(const std::string tail, text_at(spool, tail_at, kTailBytes));
    const std::size_t last = tail.rfind("\r\n" + mark);
    if (last == std::string::npos) return invalid_form();
    return SpooledFile{
        .begin = begin, .size_bytes = tail_at + last - begin, .name = file_name_in(fields)};
  }
  return invalid_form();
}

}  // namespace holdfast::api::rest
