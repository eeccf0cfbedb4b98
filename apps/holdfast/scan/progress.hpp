// What goes on, on a terminal.
#pragma once

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <string_view>
#include <unistd.h>

namespace holdfast::scan {

// One line of standard error, written over at most five times a second; nothing when that is no
// terminal.
class Progress {
 public:
  Progress() = default;
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::string_view text) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    fmt::print(stderr, "\r\x1b[K{} …", text);
  }
  void clear() const {
    if (terminal_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace holdfast::scan
