#include "sandbox.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

// Why the list could not be put up; empty: it stands.
std::string allow_system_calls() {
  const std::array kAllowed = {
      // What a process needs to read, to keep in memory and to write.
      SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
      SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(mmap), SCMP_SYS(munmap),
      SCMP_SYS(mprotect), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex),
      SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
      SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack), SCMP_SYS(clock_gettime),
      SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
      SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
      SCMP_SYS(getegid), SCMP_SYS(getrandom), SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall),
      // To end by a signal of one's own: abort().
      SCMP_SYS(tgkill),
      // Files in the scratch folder, the only ones there are, for librpm.
      SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(stat),
      SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
      SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate),
      SCMP_SYS(fallocate), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
      SCMP_SYS(rmdir), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(readlink),
      SCMP_SYS(readlinkat), SCMP_SYS(umask), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(dup),
      SCMP_SYS(uname), SCMP_SYS(fchmod), SCMP_SYS(fchown), SCMP_SYS(geteuid), SCMP_SYS(getrusage),
#ifdef HOLDFAST_SANITIZED
      // To ask the kernel whether memory is mapped.
      SCMP_SYS(pipe2), SCMP_SYS(pipe),
#endif
      SCMP_SYS(sysinfo), SCMP_SYS(prlimit64), SCMP_SYS(getppid)};
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (filter == nullptr) return "libseccomp has no filter to give";
  int outcome = 0;
  for (const int call : kAllowed) {
    if (outcome == 0) outcome = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
  }
  // Terminals are asked about by standard streams; nothing else may be asked of a descriptor.
  if (outcome == 0) {
    outcome = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
  }
  if (outcome == 0) outcome = seccomp_load(filter);
  seccomp_release(filter);
  if (outcome == 0) return {};
  return fmt::format("seccomp cannot be had: {}", std::strerror(-outcome));
}

}  // namespace

Sandboxed enter_sandbox(const SandboxOptions& options) {
  Sandboxed box;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  // User namespaces need /proc/self to be ours, so the root comes first.
  ::prctl(PR_SET_DUMPABLE, 1);
  box.has_namespaces = enter_namespaces() && enter_empty_root(options.scratch_bytes);
  ::prctl(PR_SET_DUMPABLE, 0);
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
  box.problem = allow_system_calls();
  return box;
}

}  // namespace holdfast::scan
