#include "client/secrets.hpp"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <iostream>
#include <termios.h>
#include <unistd.h>

namespace holdfast::client {

namespace {

Result<void> need_terminal(std::string_view instead) {
  if (::isatty(STDIN_FILENO) != 0) return {};
  return fail(ErrorCode::invalid, kNoTerminal,
              fmt::format("there is no terminal to ask on: use {}", instead));
}

// As a signal handler needs it: what the terminal was before Silence.
termios terminal_before{};

void leave_with_echo(int /*signal*/) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
  ::_exit(130);
}

// Echo is off while it lives; Ctrl-C turns it on again. One at a time.
class Silence {
 public:
  Silence() {
    ::tcgetattr(STDIN_FILENO, &terminal_before);
    handler_before_ = std::signal(SIGINT, leave_with_echo);
    termios silent = terminal_before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~Silence() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
    std::signal(SIGINT, handler_before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  void (*handler_before_)(int) = nullptr;
};

}  // namespace

Result<std::string> read_line() {
  std::string line;
  if (std::getline(std::cin, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) return line;
  }
  return fail(ErrorCode::invalid, kNotGiven, "nothing was given on standard input");
}

Result<std::string> ask(std::string_view prompt, std::string_view instead) {
  HF_CHECK(need_terminal(instead));
  fmt::print(stderr, "{}", prompt);
  return read_line();
}

Result<std::string> ask_secret(std::string_view prompt, std::string_view instead) {
  HF_CHECK(need_terminal(instead));
  fmt::print(stderr, "{}", prompt);
  const Silence silence;
  auto line = read_line();
  fmt::print(stderr, "\n");
  return line;
}

Result<std::string> ask_new_password() {
  HF_TRY(std::string first, ask_secret("New password: ", "--password-stdin"));
  HF_TRY(const std::string second, ask_secret("Once more: ", "--password-stdin"));
  if (first == second) return first;
  return fail(ErrorCode::invalid, kNotGiven, "the two passwords differ");
}

}  // namespace holdfast::client
