#include "worker/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "worker/protocol.hpp"

namespace holdfast::worker {

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kPipeBytes = 1 << 20;
constexpr std::size_t kFeedBytes = 256UZ << 10U;
constexpr std::size_t kComplaintBytes = 500;
constexpr std::chrono::milliseconds kLookUp{200};  // how often `stop` is asked

// An end of a pipe.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor reads;
  Descriptor writes;
};

Error no_start(std::string_view what, int error) {
  return fail(ErrorCode::unavailable, kWorkerMissing,
              fmt::format("the scan worker {} cannot be started: {}", what, std::strerror(error)));
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return no_start("(a pipe)", errno);
  ::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

void make_non_blocking(const Descriptor& descriptor) {
  ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

// Writing to a process that has ended is an error code here, not a signal.
class WithoutBrokenPipe {
 public:
  WithoutBrokenPipe() {
    sigset_t broken;
    ::sigemptyset(&broken);
    ::sigaddset(&broken, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken, &before_);
  }
  ~WithoutBrokenPipe() {
    sigset_t broken;
    ::sigemptyset(&broken);
    ::sigaddset(&broken, SIGPIPE);
    const timespec now{};
    while (::sigtimedwait(&broken, nullptr, &now) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutBrokenPipe(const WithoutBrokenPipe&) = delete;
  WithoutBrokenPipe& operator=(const WithoutBrokenPipe&) = delete;

 private:
  sigset_t before_{};
};

class Process {
 public:
  ~Process() { end(); }

  Result<void> start(const Command& command) {
    HF_TRY(Pipe in, make_pipe());
    HF_TRY(Pipe out, make_pipe());
    HF_TRY(Pipe complaints, make_pipe());
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.reads.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out.writes.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, complaints.writes.get(), STDERR_FILENO);
    // Ours are closed by exec; those of libraries, or that the server itself inherited, are not.
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    // The server blocks signals and catches them; the worker begins as any program does.
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> texts = {command.program};
    texts.insert(texts.end(), command.arguments.begin(), command.arguments.end());
    std::vector<char*> arguments;
    arguments.reserve(texts.size() + 1);
    for (std::string& text : texts) arguments.push_back(text.data());
    arguments.push_back(nullptr);
    std::array<char*, 1> environment{nullptr};
    const int error = ::posix_spawn(&id_, command.program.c_str(), &actions, &attributes,
                                    arguments.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) {
      id_ = -1;
      return no_start(command.program, error);
    }
    in_ = std::move(in.writes);
    out_ = std::move(out.reads);
    complaints_ = std::move(complaints.reads);
    for (const Descriptor* one : {&in_, &out_, &complaints_}) make_non_blocking(*one);
    return {};
  }

  // Until it has closed what it writes to.
  Result<void> exchange(const Source& source, const Limits& limits,
                        const std::function<Result<void>(std::string_view)>& take,
                        const std::function<bool()>& stop) {
    const auto deadline = Steady::now() + limits.deadline;
    std::uint64_t answered = 0;
    std::vector<char> piece(kFeedBytes);
    while (out_.is_open() || complaints_.is_open()) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
      if (left.count() <= 0) return late(limits);
      if (stop()) return fail(ErrorCode::timeout, kWorkerTimeout, "the scan was stopped");
      if (feeding_.empty() && in_.is_open()) HF_CHECK(refill(source));
      std::array<pollfd, 3> waits = {pollfd{in_.get(), POLLOUT, 0}, pollfd{out_.get(), POLLIN, 0},
                                     pollfd{complaints_.get(), POLLIN, 0}};
      const auto patience = static_cast<int>(std::min(left, kLookUp).count());
      if (::poll(waits.data(), waits.size(), patience) < 0 && errno != EINTR) {
        return fail(ErrorCode::internal, kWorkerDied, "poll failed");
      }
      if (waits[0].revents != 0) feed();
      if (waits[1].revents != 0) {
        const std::string_view got = read(out_, piece);
        answered += got.size();
        if (answered > limits.answer_bytes) {
          return fail(ErrorCode::too_large, kTooLarge,
                      "the scan worker answers more than anybody could need");
        }
        if (!got.empty()) HF_CHECK(take(got));
      }
      if (waits[2].revents != 0) {
        const std::string_view got = read(complaints_, piece);
        if (complaint_.size() < kComplaintBytes) complaint_ += got;
      }
    }
    return wait(deadline, limits);
  }

  [[nodiscard]] Result<void> outcome() const {
    if (WIFSIGNALED(status_)) {
      const int signal = WTERMSIG(status_);
      const char* name = ::sigabbrev_np(signal);
      const std::string why =
          signal == SIGSYS ? "it made a forbidden system call"
                           : fmt::format("it was ended by SIG{}", name == nullptr ? "?" : name);
      return fail(ErrorCode::internal, kWorkerDied,
                  fmt::format("the scan worker died: {}{}", why, said(" (", ")")));
    }
    switch (static_cast<Exit>(WEXITSTATUS(status_))) {
      case Exit::good:
        return {};
      case Exit::unreadable:
        return fail(ErrorCode::corrupt, kUnreadable, said());
      case Exit::too_large:
      case Exit::no_memory:
        return fail(ErrorCode::too_large, kTooLarge, said());
      case Exit::no_sandbox:
        return fail(ErrorCode::unavailable, kSandboxMissing,
                    fmt::format("the scan worker cannot be shut in: {}", said()));
      case Exit::failed:
      case Exit::usage:
        break;
    }
    return fail(
        ErrorCode::internal, kWorkerDied,
        fmt::format("the scan worker failed with {}{}", WEXITSTATUS(status_), said(": ", "")));
  }

 private:
  static Error late(const Limits& limits) {
    return fail(
        ErrorCode::timeout, kWorkerTimeout,
        fmt::format("the scan worker was killed after {} s", limits.deadline.count() / 1000));
  }

  Result<void> refill(const Source& source) {
    buffer_.resize(kFeedBytes);
    HF_TRY(const std::size_t got, source(std::as_writable_bytes(std::span(buffer_))));
    feeding_ = std::string_view(buffer_).substr(0, got);
    if (got == 0) in_.reset();
    return {};
  }

  void feed() {
    const ssize_t done = ::write(in_.get(), feeding_.data(), feeding_.size());
    if (done >= 0) {
      feeding_.remove_prefix(static_cast<std::size_t>(done));
    } else if (errno != EAGAIN && errno != EINTR) {
      in_.reset();  // it has read enough, or is gone: its end tells
      feeding_ = {};
    }
  }

  static std::string_view read(Descriptor& from, std::vector<char>& piece) {
    const ssize_t got = ::read(from.get(), piece.data(), piece.size());
    if (got > 0) return {piece.data(), static_cast<std::size_t>(got)};
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) from.reset();
    return {};
  }

  // It closed its streams, so it is about to end.
  Result<void> wait(Steady::time_point deadline, const Limits& limits) {
    in_.reset();
    while (Steady::now() < deadline) {
      if (::waitpid(id_, &status_, WNOHANG) == id_) {
        id_ = -1;
        return {};
      }
      ::usleep(500);
    }
    return late(limits);
  }

  void end() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    while (::waitpid(id_, &status_, 0) < 0 && errno == EINTR) {
    }
    id_ = -1;
  }

  // What it said, on one line of printable text.
  [[nodiscard]] std::string said(std::string_view before = "", std::string_view behind = "") const {
    std::string text;
    for (const char byte : complaint_.substr(0, complaint_.find('\n'))) {
      const auto code = static_cast<unsigned char>(byte);
      text += code < 0x20 || code >= 0x7f ? '?' : byte;
    }
    if (text.empty()) return before.empty() ? "it gave no reason" : "";
    return fmt::format("{}{}{}", before, text, behind);
  }

  pid_t id_ = -1;
  int status_ = 0;
  Descriptor in_;
  Descriptor out_;
  Descriptor complaints_;
  std::string buffer_;
  std::string_view feeding_;  // of the buffer, what it has not taken yet
  std::string complaint_;
};

}  // namespace

Result<void> run(const Command& command, const Source& source, const Limits& limits,
                 const std::function<Result<void>(std::string_view)>& take,
                 const std::function<bool()>& stop) {
  const WithoutBrokenPipe ignored;
  Process process;
  HF_CHECK(process.start(command));
  HF_CHECK(process.exchange(source, limits, take, stop));
  return process.outcome();
}

}  // namespace holdfast::worker
