// What the scan worker and the server agree on: the worker's verbs, how it ends and its frames.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::worker {

// The exit codes of holdfast-scan. Other ends are a crash.
enum class Exit : std::uint8_t {
  good = 0,
  failed = 1,  // a bug
  usage = 2,
  unreadable = 10,  // the bytes are no such archive
  too_large = 11,   // beyond a limit
  no_sandbox = 12,  // seccomp is not there
  no_memory = 13,
};

// Standard output of `layer`: one JSON text, {"layer": <packages::to_json>} or {"again": [paths]}.
// Standard output of `archive`: for each member one frame or several: the length of its name and of
// the bytes that come, 32 bits each, the small end first, then both; kMoreFollows is set in the
// second length of all frames of a member but its last. Standard error: one line that says what
// went wrong.
inline constexpr std::uint32_t kFrameHeadBytes = 8;
inline constexpr std::uint32_t kFrameBytes = 1U << 20U;  // of a member in one frame
inline constexpr std::uint32_t kMoreFollows = 1U << 31U;

}  // namespace holdfast::worker
