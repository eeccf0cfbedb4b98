// What a connection is doing and until when it may.
#pragma once

#include <chrono>
#include <cstdint>

namespace holdfast::http {

// Looked at by the loop once a second. `working`: a handler is at it, no bytes are awaited, no
// deadline. `transfer`: every byte that moves sets the deadline anew.
struct Watch {
  enum class Phase { handshake, head, working, transfer, idle };
  Phase phase = Phase::handshake;
  std::chrono::steady_clock::time_point deadline;
  std::uint64_t moved_bytes = 0;  // as of the last look, in transfer
  // The minimum rate is looked at in windows of time that was spent in transfer.
  std::int64_t window_seconds = 0;
  std::uint64_t window_bytes = 0;  // that had moved when the window began

  void enter(Phase next, std::chrono::steady_clock::duration allowed) {
    phase = next;
    deadline = std::chrono::steady_clock::now() + allowed;
  }
};

// Sets a phase for a scope, and `working` behind it.
class During {
 public:
  During(Watch& watch, Watch::Phase phase, std::chrono::steady_clock::duration allowed)
      : watch_(watch) {
    watch_.enter(phase, allowed);
  }
  ~During() { watch_.phase = Watch::Phase::working; }
  During(const During&) = delete;
  During& operator=(const During&) = delete;

 private:
  Watch& watch_;
};

}  // namespace holdfast::http
