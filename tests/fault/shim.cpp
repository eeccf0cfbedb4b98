// Preloaded into the server: every call that changes a file below FAULT_ROOT goes into the journal
// FAULT_JOURNAL with its bytes, in the order in which the calls were made, and can be made to fail
// or to be the last one (FAULT_CONTROL, a file that the test writes to while the server runs).
// journal.py reads both formats.
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

enum class Op : std::uint8_t {
  create = 1,
  write,
  truncate,
  rename,
  unlink,
  mkdir,
  sync,
  sync_folder,
  link
};

struct Record {
  std::uint64_t began_ns;  // CLOCK_MONOTONIC
  std::uint64_t inode;
  std::uint64_t at;  // offset, or size after a truncate
  std::uint32_t op, path_bytes, other_bytes, data_bytes;
};

// Shared with the test, which arms it: the call with number `at` counted from 1 (0: none).
struct Control {
  std::atomic<std::uint64_t> calls;
  std::atomic<std::uint64_t> at;
  std::atomic<std::uint32_t> code;  // errno to give; 0: SIGKILL
  std::atomic<std::uint32_t> last;  // 1: that call and all after it; 0: that one only
};

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}
// The next definition of the function whose name it has.
#define REAL(name) (real<decltype(&::name)>(#name))

std::mutex& mutex() {
  static std::mutex made;
  return made;
}

const std::string& root() {
  static const std::string value = [] {
    const char* text = std::getenv("FAULT_ROOT");
    return std::string(text ? text : "/nowhere");
  }();
  return value;
}

int journal() {
  static const int file = [] {
    const char* path = std::getenv("FAULT_JOURNAL");
    if (!path) return -1;
    return REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }();
  return file;
}

Control* control() {
  static Control* const shared = []() -> Control* {
    const char* path = std::getenv("FAULT_CONTROL");
    if (!path) return nullptr;
    const int file = REAL(open)(path, O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) std::abort();
    void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (memory == MAP_FAILED) std::abort();
    return static_cast<Control*>(memory);
  }();
  return shared;
}

bool is_below(std::string_view path) {
  return path.starts_with(root()) && (path.size() == root().size() || path[root().size()] == '/') &&
         !path.ends_with("-shm");  // SQLite makes it anew after a crash
}

std::string path_of(int descriptor) {
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t got = readlink(link.c_str(), target, sizeof(target));
  return got > 0 ? std::string(target, static_cast<std::size_t>(got)) : std::string();
}

std::string absolute(int folder, const char* path) {
  if (path[0] == '/') return path;
  char here[PATH_MAX];
  const std::string base =
      folder == AT_FDCWD ? (getcwd(here, sizeof(here)) ? here : "") : path_of(folder);
  return base + "/" + path;
}

std::uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t inode_of(int descriptor) {
  struct stat info{};
  return fstat(descriptor, &info) == 0 ? info.st_ino : 0;
}

void append(Op op, std::uint64_t began, std::uint64_t inode, std::uint64_t at,
            std::string_view path, std::string_view other, const void* data = nullptr,
            std::size_t size = 0) {
  if (journal() < 0) return;
  const Record record{began,
                      inode,
                      at,
                      static_cast<std::uint32_t>(op),
                      static_cast<std::uint32_t>(path.size()),
                      static_cast<std::uint32_t>(other.size()),
                      static_cast<std::uint32_t>(size)};
  std::string all(reinterpret_cast<const char*>(&record), sizeof(record));
  all.append(path).append(other).append(static_cast<const char*>(data), size);
  if (REAL(write)(journal(), all.data(), all.size()) != static_cast<ssize_t>(all.size()))
    std::abort();
}

// The fault of this call, if the test has armed one: false, with errno set.
bool may_go_on() {
  Control* shared = control();
  if (!shared) return true;
  const std::uint64_t number = ++shared->calls;
  const std::uint64_t at = shared->at;
  if (at == 0 || number < at || (number > at && shared->last == 0)) return true;
  if (shared->code == 0) raise(SIGKILL);
  errno = static_cast<int>(shared->code);
  return false;
}

// Makes a call below the root: counted, journaled when it succeeded. `note(result, began)`.
template <class Call, class Note>
auto watched(Call call, Note note) -> decltype(call()) {
  const std::lock_guard lock(mutex());
  if (!may_go_on()) return -1;
  const std::uint64_t began = now_ns();
  const auto result = call();
  const int code = errno;
  if (result >= 0) note(result, began);
  errno = code;
  return result;
}

template <class Call>
ssize_t writing(int descriptor, off_t at, const void* data, Call call) {
  const std::string path = path_of(descriptor);
  if (!is_below(path)) return call();
  return watched(call, [&](ssize_t put, std::uint64_t began) {
    const auto offset = at >= 0 ? at : lseek(descriptor, 0, SEEK_CUR) - put;
    append(Op::write, began, inode_of(descriptor), static_cast<std::uint64_t>(offset), path, {},
           data, static_cast<std::size_t>(put));
  });
}

template <class Call>
int syncing(int descriptor, Call call) {
  const std::string path = path_of(descriptor);
  if (!is_below(path)) return call();
  return watched(call, [&](int, std::uint64_t began) {
    struct stat info{};
    fstat(descriptor, &info);
    append(S_ISDIR(info.st_mode) ? Op::sync_folder : Op::sync, began, info.st_ino, 0, path, {});
  });
}

template <class Call>
int truncating(int descriptor, off_t size, Call call) {
  const std::string path = path_of(descriptor);
  if (!is_below(path)) return call();
  return watched(call, [&](int, std::uint64_t began) {
    append(Op::truncate, began, inode_of(descriptor), static_cast<std::uint64_t>(size), path, {});
  });
}

template <class Call>
int opening(int folder, const char* name, int flags, Call call) {
  const std::string path = absolute(folder, name);
  if ((flags & (O_CREAT | O_TRUNC)) == 0 || !is_below(path)) return call();
  struct stat before{};
  const bool existed = stat(path.c_str(), &before) == 0;
  if (existed && ((flags & O_TRUNC) == 0 || before.st_size == 0)) return call();
  return watched(call, [&](int opened, std::uint64_t began) {
    append(existed ? Op::truncate : Op::create, began, inode_of(opened), 0, path, {});
  });
}

template <class Call>
int naming(Op op, const std::string& path, const std::string& other, Call call) {
  if (!is_below(path) && !is_below(other)) return call();
  return watched(call, [&](int, std::uint64_t began) { append(op, began, 0, 0, path, other); });
}

}  // namespace

extern "C" {

#define OPEN(name)                                                                        \
  int name(const char* path, int flags, ...) {                                            \
    va_list rest;                                                                         \
    va_start(rest, flags);                                                                \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;  \
    va_end(rest);                                                                         \
    return opening(AT_FDCWD, path, flags, [&] { return REAL(name)(path, flags, mode); }); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                            \
  int name(int folder, const char* path, int flags, ...) {                                      \
    va_list rest;                                                                               \
    va_start(rest, flags);                                                                      \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;        \
    va_end(rest);                                                                               \
    return opening(folder, path, flags, [&] { return REAL(name)(folder, path, flags, mode); }); \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int file, const void* data, size_t size) {
  return writing(file, -1, data, [&] { return REAL(write)(file, data, size); });
}
ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return writing(file, at, data, [&] { return REAL(pwrite)(file, data, size, at); });
}
ssize_t pwrite64(int file, const void* data, size_t size, off_t at) {
  return writing(file, at, data, [&] { return REAL(pwrite64)(file, data, size, at); });
}
// Of several buffers the first is written; callers repeat with the rest.
ssize_t writev(int file, const iovec* parts, int count) {
  if (count < 1 || !is_below(path_of(file))) return REAL(writev)(file, parts, count);
  return write(file, parts[0].iov_base, parts[0].iov_len);
}

int fsync(int file) {
  return syncing(file, [&] { return REAL(fsync)(file); });
}
int fdatasync(int file) {
  return syncing(file, [&] { return REAL(fdatasync)(file); });
}
int ftruncate(int file, off_t size) {
  return truncating(file, size, [&] { return REAL(ftruncate)(file, size); });
}
int ftruncate64(int file, off_t size) {
  return truncating(file, size, [&] { return REAL(ftruncate64)(file, size); });
}

int rename(const char* from, const char* to) {
  return naming(Op::rename, absolute(AT_FDCWD, from), absolute(AT_FDCWD, to),
                [&] { return REAL(rename)(from, to); });
}
int unlink(const char* path) {
  return naming(Op::unlink, absolute(AT_FDCWD, path), {}, [&] { return REAL(unlink)(path); });
}
int unlinkat(int folder, const char* path, int flags) {
  return naming(Op::unlink, absolute(folder, path), {},
                [&] { return REAL(unlinkat)(folder, path, flags); });
}
int rmdir(const char* path) {
  return naming(Op::unlink, absolute(AT_FDCWD, path), {}, [&] { return REAL(rmdir)(path); });
}
int remove(const char* path) {
  return naming(Op::unlink, absolute(AT_FDCWD, path), {}, [&] { return REAL(remove)(path); });
}
int mkdir(const char* path, mode_t mode) {
  return naming(Op::mkdir, absolute(AT_FDCWD, path), {}, [&] { return REAL(mkdir)(path, mode); });
}

int link(const char* from, const char* to) {
  return naming(Op::link, absolute(AT_FDCWD, from), absolute(AT_FDCWD, to),
                [&] { return REAL(link)(from, to); });
}

// None of these is expected below the root: a server that begins to use one must be watched first.
int fallocate(int file, int mode, off_t at, off_t size) {
  if (is_below(path_of(file))) std::abort();
  return REAL(fallocate)(file, mode, at, size);
}
int posix_fallocate(int file, off_t at, off_t size) {
  if (is_below(path_of(file))) std::abort();
  return REAL(posix_fallocate)(file, at, size);
}
ssize_t pwritev(int file, const iovec* parts, int count, off_t at) {
  if (is_below(path_of(file))) std::abort();
  return REAL(pwritev)(file, parts, count, at);
}
ssize_t copy_file_range(int from, off_t* at_from, int to, off_t* at_to, size_t size,
                        unsigned flags) {
  if (is_below(path_of(to))) std::abort();
  return REAL(copy_file_range)(from, at_from, to, at_to, size, flags);
}

}  // extern "C"
