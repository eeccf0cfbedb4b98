// Starts holdfast-scan, the sandboxed process that opens what strangers made, and speaks with it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "packages/package.hpp"

namespace holdfast::worker {

inline constexpr std::string_view kWorkerDied = "scan_worker_died";  // internal: a crash, a kill
inline constexpr std::string_view kWorkerTimeout = "scan_worker_timeout";  // timeout
inline constexpr std::string_view kWorkerMissing =
    "scan_worker_missing";  // unavailable: no program
inline constexpr std::string_view kSandboxMissing =
    "scan_sandbox_missing";                                      // unavailable: no seccomp
inline constexpr std::string_view kTooLarge = "scan_too_large";  // too_large: a bomb, by its limits
inline constexpr std::string_view kUnreadable = "scan_unreadable";  // corrupt: no such archive

// Gives the next bytes, up to into.size(); 0 at the end. An error ends the worker.
using Source = std::function<Result<std::size_t>(std::span<std::byte> into)>;

struct Limits {
  std::chrono::milliseconds deadline{std::chrono::minutes(10)};  // then it is killed
  std::uint64_t unpacked_bytes = 32ULL << 30U;                   // of a layer, or an archive
  std::uint64_t memory_bytes = 256ULL << 20U;
  std::uint64_t answer_bytes = 256ULL << 20U;  // more than this from it: killed
};

// How well the worker is shut in.
struct Sandbox {
  bool seccomp = false;
  bool namespaces = false;
  bool memory_limit = false;
};

// Threads: any, also several at once; all calls block.
class Launcher {
 public:
  // `program` is the path of holdfast-scan.
  explicit Launcher(std::string program) : program_(std::move(program)) {}

  // What one layer holds; how it is compressed is told by its bytes. Databases behind links to
  // members that were not kept cost a second reading: `open` is called once for each reading and
  // gives the bytes from the beginning.
  Result<packages::Layer> read_layer(
      const std::function<Result<Source>()>& open, const Limits& limits,
      const std::function<bool()>& stop = [] { return false; });

  // Every regular member of a zip or (compressed) tar archive in its order, piece by piece; what is
  // no archive, compressed or not, is one member. An error from `each` ends it and is returned.
  // `member_bytes`: larger members end it with kTooLarge.
  struct Piece {
    std::string_view name;   // of the member; of what is no archive "data", or what gzip says
    std::string_view bytes;  // a megabyte at most
    bool is_last = true;     // of the member; comes for an empty one, too
  };
  using Take = std::function<Result<void>(const Piece& piece)>;
  Result<void> read_archive(
      const Source& source, std::uint64_t member_bytes, const Limits& limits, const Take& each,
      const std::function<bool()>& stop = [] { return false; });

  // Tries what the kernel and this process's rights allow, with a worker that reads nothing.
  Result<Sandbox> probe();

 private:
  std::string program_;
};

}  // namespace holdfast::worker
