#include "sandbox.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace holdfast::scan {

namespace {

void limit(__rlimit_resource what, std::uint64_t value) {
  const rlimit both{value, value};
  ::setrlimit(what, &both);
}

bool write_to(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool is_written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return is_written;
}

// Namespaces of users, mounts, network, messages and names. Of processes too, but that one is for
// children only, and we make none.
bool enter_namespaces() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  constexpr int kOthers = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (::unshare(CLONE_NEWUSER | kOthers) == 0) {
    return write_to("/proc/self/setgroups", "deny") &&
           write_to("/proc/self/uid_map", fmt::format("0 {} 1\n", user)) &&
           write_to("/proc/self/gid_map", fmt::format("0 {} 1\n", group));
  }
  // In a container that has the right itself but gives no user namespaces.
  return ::unshare(kOthers) == 0;
}

// An empty file system of our own in memory as the root.
bool enter_empty_root(std::uint64_t size_bytes) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const std::string options = fmt::format("size={},nr_inodes=1024,mode=0700", size_bytes);
  if (::mount("holdfast", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) !=
      0) {
    return false;
  }
  if (::chdir("/tmp") != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) return false;
  // The old root lies over the new one now.
  return ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0;
}

// What a process needs to read, to keep in memory and to write; nothing that names a file or
// another process.
constexpr auto kAllowed = std::to_array<int>({
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(fstat),
    SCMP_SYS(dup),
    SCMP_SYS(uname),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(umask),
#ifdef HOLDFAST_SANITIZED
    // To ask the kernel whether memory is mapped.
    SCMP_SYS(pipe2),
    SCMP_SYS(pipe),
#endif
});

// Files, for librpm: only where the root is empty but for the scratch folder. Elsewhere they fail,
// as libraries look for files that they can do without.
constexpr auto kFiles = std::to_array<int>({
    SCMP_SYS(open),       SCMP_SYS(openat),   SCMP_SYS(stat),       SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx),    SCMP_SYS(access),     SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
    SCMP_SYS(getdents64), SCMP_SYS(statfs),   SCMP_SYS(fstatfs),    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),   SCMP_SYS(mkdir),    SCMP_SYS(mkdirat),    SCMP_SYS(rmdir),
    SCMP_SYS(flock),      SCMP_SYS(fsync),    SCMP_SYS(fdatasync),  SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),  SCMP_SYS(fchmod),   SCMP_SYS(fchown),
});

// What SQLite and the C library do with descriptors. Not F_SETOWN and F_SETSIG, which make the
// kernel send signals to others.
constexpr auto kFcntl =
    std::to_array<int>({F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GETLK, F_SETLK, F_SETLKW});

// Of an argument of 32 bits, whose upper half the kernel leaves aside; and of one of 64.
scmp_arg_cmp is_int(unsigned argument, int value) {
  return {argument, SCMP_CMP_MASKED_EQ, 0xffffffffU, static_cast<unsigned>(value)};
}
scmp_arg_cmp is_null(unsigned argument) { return {argument, SCMP_CMP_EQ, 0, 0}; }

class Filter {
 public:
  Filter() : filter_(seccomp_init(SCMP_ACT_KILL_PROCESS)) {
    if (filter_ == nullptr) outcome_ = -ENOMEM;
  }
  ~Filter() { seccomp_release(filter_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void add(std::uint32_t action, int call) {
    if (outcome_ == 0) outcome_ = seccomp_rule_add(filter_, action, call, 0);
  }
  void allow_if(int call, const std::vector<scmp_arg_cmp>& arguments) {
    if (outcome_ == 0) {
      outcome_ = seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, call,
                                        static_cast<unsigned>(arguments.size()), arguments.data());
    }
  }
  // 0, or an error's number below it.
  int load() { return outcome_ == 0 ? seccomp_load(filter_) : outcome_; }

 private:
  scmp_filter_ctx filter_;
  int outcome_ = 0;
};

// Why the list could not be put up; empty: it stands.
std::string allow_system_calls(bool has_empty_root) {
  Filter filter;
  for (const int call : kAllowed) filter.add(SCMP_ACT_ALLOW, call);
  for (const int call : kFiles) {
    filter.add(has_empty_root ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM), call);
  }
  for (const int command : kFcntl) {
    filter.allow_if(SCMP_SYS(fcntl), {is_int(1, command)});
  }
  // To end by a signal of one's own, abort(): never another process.
  filter.allow_if(SCMP_SYS(tgkill), {is_int(0, ::getpid())});
  // One's own limits, to be read.
  filter.allow_if(SCMP_SYS(prlimit64), {is_int(0, 0), is_null(2)});
  // Terminals are asked about by standard streams; nothing else may be asked of a descriptor.
  filter.add(SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl));
  const int outcome = filter.load();
  if (outcome == 0) return {};
  return fmt::format("seccomp cannot be had: {}", std::strerror(-outcome));
}

// A server that runs as root would hand its rights down; those in a user namespace of its own go
// too.
bool drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return ::syscall(SYS_capset, &header, none.data()) == 0;
}

}  // namespace

Sandboxed enter_sandbox(const SandboxOptions& options) {
  Sandboxed box;
  box.has_namespaces = enter_namespaces() && enter_empty_root(options.scratch_bytes);
  // Behind the namespaces, which are made by writing to files in /proc/self.
  ::prctl(PR_SET_DUMPABLE, 0);
  // Cleared by what changes rights, so not before.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (box.has_namespaces) box.scratch_folder = "/";
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 64);
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_FSIZE, options.scratch_bytes);
  if (options.cpu_seconds > 0) limit(RLIMIT_CPU, options.cpu_seconds);
#ifndef HOLDFAST_SANITIZED
  // AddressSanitizer reserves terabytes.
  if (options.memory_bytes > 0) {
    limit(RLIMIT_DATA, options.memory_bytes);
    box.has_memory_limit = true;
  }
#endif
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    box.problem = fmt::format("PR_SET_NO_NEW_PRIVS: {}", std::strerror(errno));
    return box;
  }
  if (!drop_capabilities()) {
    box.problem = fmt::format("capabilities cannot be dropped: {}", std::strerror(errno));
    return box;
  }
  box.problem = allow_system_calls(box.has_namespaces);
  return box;
}

}  // namespace holdfast::scan
