#include "verbs.hpp"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <string_view>
#include <unistd.h>

#include "codec/json.hpp"
#include "detect/layer.hpp"
#include "detect/stream.hpp"
#include "packages/json.hpp"

namespace holdfast::scan {

namespace {

using worker::Exit;

Result<std::size_t> read_input(std::span<std::byte> into) {
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) {
      return fail(ErrorCode::internal, detect::kUnreadable, "the input cannot be read");
    }
  }
}

// Whoever reads is gone when it fails, and so are we.
bool write_output(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

Exit exit_for(const Error& error, std::string& problem) {
  problem = error.message;
  if (error.reason == detect::kTooLarge) return Exit::too_large;
  return error.code == ErrorCode::corrupt ? Exit::unreadable : Exit::failed;
}

void put_number(std::string& out, std::size_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xffU);
}

bool write_frame(std::string_view name, std::string_view bytes, bool is_last) {
  std::string frame;
  put_number(frame, name.size());
  put_number(frame, bytes.size() | (is_last ? 0U : worker::kMoreFollows));
  return write_output(frame.append(name)) && write_output(bytes);
}

Result<void> pass_on(detect::ArchiveReader& archive, const ArchiveVerb& verb) {
  detect::Member member;
  for (std::uint64_t count = 0;; ++count) {
    HF_TRY(const bool more, archive.next(member));
    if (!more) return {};
    if (count >= verb.members) {
      return fail(ErrorCode::too_large, detect::kTooLarge,
                  fmt::format("it has more than {} members", verb.members));
    }
    if (member.kind != detect::Member::Kind::file) continue;
    const std::string name(member.name.substr(0, 4096));
    std::string bytes;
    std::uint64_t total = 0;
    while (true) {
      HF_TRY(const std::string_view piece, archive.piece());
      total += piece.size();
      if (total > verb.member_bytes) {
        return fail(ErrorCode::too_large, detect::kTooLarge,
                    fmt::format("its member {} has more than {} bytes", name, verb.member_bytes));
      }
      const bool is_last = piece.empty();
      if (is_last || bytes.size() + piece.size() > worker::kFrameBytes) {
        if (!write_frame(name, bytes, is_last)) return {};
        bytes.clear();
      }
      if (is_last) break;
      bytes += piece;
    }
  }
}

}  // namespace

Exit read_layer(const LayerVerb& verb, std::string& problem) {
  const auto read = detect::read_layer(read_input, {.unpacked_bytes = verb.unpacked_bytes,
                                                    .also_kept = verb.also_kept,
                                                    .scratch_folder = verb.scratch_folder});
  if (!read) return exit_for(read.error(), problem);
  std::string answer;
  if (read->again.empty()) {
    answer = "{\"layer\":" + packages::to_json(read->layer) + "}";
  } else {
    answer = "{\"again\":[";
    for (const std::string& member : read->again) {
      if (answer.back() != '[') answer += ',';
      codec::append_json_string(answer, member);
    }
    answer += "]}";
  }
  return write_output(answer) ? Exit::good : Exit::failed;
}

Exit read_archive(const ArchiveVerb& verb, std::string& problem) {
  auto archive = detect::ArchiveReader::open(detect::ArchiveReader::Kind::records, read_input,
                                             verb.unpacked_bytes);
  if (!archive) return exit_for(archive.error(), problem);
  if (const Result<void> done = pass_on(**archive, verb); !done) {
    return exit_for(done.error(), problem);
  }
  return Exit::good;
}

}  // namespace holdfast::scan
