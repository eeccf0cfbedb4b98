#include "worker/launcher.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "codec/json.hpp"
#include "packages/json.hpp"
#include "worker/process.hpp"
#include "worker/protocol.hpp"

namespace holdfast::worker {

namespace {

constexpr std::size_t kAnswerDepth = 8;

Error broken() {
  return fail(ErrorCode::corrupt, packages::kReportInvalid,
              "the scan worker's answer is not of the form that was agreed upon");
}

std::vector<std::string> common(std::string_view verb, const Limits& limits) {
  // The deadline is of the clock on the wall; a worker that is fed slowly uses no processor.
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(limits.deadline).count() + 1;
  return {fmt::format("--memory={}", limits.memory_bytes), fmt::format("--cpu-seconds={}", seconds),
          std::string(verb), fmt::format("--unpacked={}", limits.unpacked_bytes)};
}

// Puts frames together from pieces.
class Frames {
 public:
  Frames(std::uint64_t member_bytes, const Launcher::Take& each)
      : member_bytes_(member_bytes), each_(each) {}

  Result<void> take(std::string_view piece) {
    pending_ += piece;
    std::string_view rest = pending_;
    while (rest.size() >= kFrameHeadBytes) {
      const std::size_t name = number(rest);
      const std::size_t bytes = number(rest.substr(4)) & ~kMoreFollows;
      const bool is_last = (number(rest.substr(4)) & kMoreFollows) == 0;
      if (name > 4096 || bytes > kFrameBytes || of_member_ + bytes > member_bytes_) return broken();
      if (rest.size() < kFrameHeadBytes + name + bytes) break;
      rest.remove_prefix(kFrameHeadBytes);
      of_member_ = is_last ? 0 : of_member_ + bytes;
      HF_CHECK(each_({rest.substr(0, name), rest.substr(name, bytes), is_last}));
      rest.remove_prefix(name + bytes);
    }
    pending_.erase(0, pending_.size() - rest.size());
    return {};
  }
  [[nodiscard]] bool is_whole() const { return pending_.empty() && of_member_ == 0; }

 private:
  static std::size_t number(std::string_view bytes) {
    std::size_t number = 0;
    for (std::size_t i = 4; i-- > 0;) number = number << 8U | static_cast<unsigned char>(bytes[i]);
    return number;
  }
  const std::uint64_t member_bytes_;
  const Launcher::Take& each_;
  std::string pending_;
  std::uint64_t of_member_ = 0;  // bytes that came of the member whose last frame is awaited
};

}  // namespace

Result<packages::Layer> Launcher::read_layer(const std::function<Result<Source>()>& open,
                                             const Limits& limits,
                                             const std::function<bool()>& stop) {
  std::vector<std::string> arguments = common("layer", limits);
  for (int reading = 0; reading < 2; ++reading) {
    HF_TRY(const Source source, open());
    std::string answer;
    HF_CHECK(run(
        {program_, arguments}, source, limits,
        [&](std::string_view piece) -> Result<void> {
          answer += piece;
          return {};
        },
        stop));
    constexpr std::string_view kBefore = "{\"layer\":";
    if (answer.starts_with(kBefore)) {
      return packages::parse_layer(
          std::string_view(answer).substr(kBefore.size(), answer.size() - kBefore.size() - 1));
    }
    const auto parsed = codec::parse_json(answer, kAnswerDepth);
    if (!parsed) return broken();
    const boost::json::value* again = codec::member(*parsed, "again");
    if (again == nullptr || !again->is_array()) return broken();
    for (const boost::json::value& member : again->get_array()) {
      if (!member.is_string()) return broken();
      arguments.push_back(fmt::format("--also={}", std::string_view(member.get_string())));
    }
  }
  return broken();
}

Result<void> Launcher::read_archive(const Source& source, std::uint64_t member_bytes,
                                    const Limits& limits, const Take& each,
                                    const std::function<bool()>& stop) {
  std::vector<std::string> arguments = common("archive", limits);
  arguments.push_back(fmt::format("--member={}", member_bytes));
  Frames frames(member_bytes, each);
  HF_CHECK(run(
      {program_, arguments}, source, limits,
      [&](std::string_view piece) { return frames.take(piece); }, stop));
  if (!frames.is_whole()) return broken();
  return {};
}

Result<Sandbox> Launcher::probe() {
  std::string answer;
  HF_CHECK(run(
      {program_, {"probe"}}, [](std::span<std::byte>) { return Result<std::size_t>(0); },
      {.deadline = std::chrono::seconds(10)},
      [&](std::string_view piece) -> Result<void> {
        answer += piece;
        return {};
      },
      [] { return false; }));
  auto parsed = codec::parse_json(answer, kAnswerDepth);
  if (!parsed) return broken();
  const auto says = [&](std::string_view name) {
    const boost::json::value* value = codec::member(*parsed, name);
    return value != nullptr && value->is_bool() && value->get_bool();
  };
  return Sandbox{.seccomp = says("seccomp"),
                 .namespaces = says("namespaces"),
                 .memory_limit = says("memoryLimit")};
}

}  // namespace holdfast::worker
