// What a worker that a stranger's bytes took over can do: tried from within, in processes of the
// test's own.
#include "sandbox.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::scan {
namespace {

enum class Kernel { gives_namespaces, gives_none };

// As in a container that forbids them.
void forbid_namespaces() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0);
  seccomp_load(filter);
  seccomp_release(filter);
}

// How a process ends that is shut in and then does `attempt`, which gives its exit code: that code,
// or the number of the signal below 0.
int shut_in(Kernel kernel, const std::function<int()>& attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (kernel == Kernel::gives_none) forbid_namespaces();
    const Sandboxed inside = enter_sandbox({.scratch_bytes = 1 << 20});
    if (!inside.problem.empty()) ::_exit(100);
    if (inside.has_namespaces != (kernel == Kernel::gives_namespaces)) ::_exit(101);
    ::_exit(attempt());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// Somebody to be harmed.
class Victim {
 public:
  Victim() : id_(::fork()) {
    if (id_ == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  ~Victim() {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  [[nodiscard]] pid_t id() const { return id_; }
  [[nodiscard]] bool lives() const { return ::waitpid(id_, nullptr, WNOHANG) == 0; }

 private:
  pid_t id_;
};

class SandboxTest : public testing::TestWithParam<Kernel> {};
INSTANTIATE_TEST_SUITE_P(Kernels, SandboxTest,
                         testing::Values(Kernel::gives_namespaces, Kernel::gives_none));

TEST_P(SandboxTest, MayEndWellOrByItsOwnSignal) {
  EXPECT_EQ(shut_in(GetParam(), [] { return 7; }), 7);
  EXPECT_EQ(shut_in(GetParam(),
                    [] {
                      ::signal(SIGABRT, SIG_DFL);
                      return static_cast<int>(
                          ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), SIGABRT));
                    }),
            -SIGABRT);
}

TEST_P(SandboxTest, CannotSignalOthers) {
  const Victim victim;
  const pid_t id = victim.id();
  EXPECT_EQ(shut_in(GetParam(),
                    [id] { return static_cast<int>(::syscall(SYS_tgkill, id, id, SIGKILL)); }),
            -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(), [id] { return ::kill(id, SIGKILL); }), -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(), [id] { return ::fcntl(0, F_SETOWN, id); }), -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(), [] { return ::fcntl(0, F_SETSIG, SIGKILL); }), -SIGSYS);
  EXPECT_TRUE(victim.lives());
}

TEST_P(SandboxTest, CannotChangeLimitsOfOthersNorItsOwn) {
  const Victim victim;
  const pid_t id = victim.id();
  for (const pid_t whose : {id, pid_t{0}}) {
    EXPECT_EQ(shut_in(GetParam(),
                      [whose] {
                        const rlimit none{0, 0};
                        return static_cast<int>(
                            ::syscall(SYS_prlimit64, whose, RLIMIT_NOFILE, &none, nullptr));
                      }),
              -SIGSYS);
  }
  EXPECT_EQ(shut_in(GetParam(),
                    [] {
                      rlimit found{};
                      return ::getrlimit(RLIMIT_NPROC, &found) == 0 && found.rlim_max == 0 ? 0 : 1;
                    }),
            0);
}

TEST_P(SandboxTest, SeesNoFileOfTheMachine) {
  for (const char* path :
       {"/etc/passwd", "/proc/self/environ", "/proc/self/fd/0", "../etc/passwd"}) {
    EXPECT_EQ(shut_in(GetParam(), [path] { return ::open(path, O_RDONLY) < 0 ? 0 : 1; }), 0)
        << path;
    EXPECT_EQ(shut_in(GetParam(), [path] { return ::access(path, F_OK) < 0 ? 0 : 1; }), 0) << path;
  }
}

TEST(Sandbox, WritesIntoItsScratchFolderAlone) {
  const std::string path = fmt::format("/holdfast-sandbox-test-{}", ::getpid());
  const auto create = [&] {
    return ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0 ? 0 : errno;
  };
  EXPECT_EQ(shut_in(Kernel::gives_namespaces, create), 0);
  EXPECT_EQ(shut_in(Kernel::gives_none, create), EPERM);
  EXPECT_NE(::unlink(path.c_str()), 0) << "it was no file system of its own";
}

TEST_P(SandboxTest, HasNoNetworkNoProgramsAndNoChildren) {
  EXPECT_EQ(shut_in(GetParam(), [] { return ::socket(AF_INET, SOCK_STREAM, 0); }), -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(), [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }), -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(), [] { return ::execl("/bin/true", "true", nullptr); }), -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(),
                    [] { return static_cast<int>(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }),
            -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(), [] { return ::unshare(CLONE_NEWUSER); }), -SIGSYS);
  EXPECT_EQ(shut_in(GetParam(), [] { return static_cast<int>(::syscall(SYS_ptrace, 0, 0, 0, 0)); }),
            -SIGSYS);
}

}  // namespace
}  // namespace holdfast::scan
