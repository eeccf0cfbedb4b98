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
// Standard output of `archive`: for each member a frame: the length of its name and of its bytes,
// 32 bits each, the small end first, then both. Standard error: one line that says what went wrong.
inline constexpr std::uint32_t kFrameHeadBytes = 8;

}  // namespace holdfast::worker
