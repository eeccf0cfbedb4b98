// Shuts this process in before it reads what a stranger made.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::scan {

struct SandboxOptions {
  std::uint64_t memory_bytes = 0;   // of data; 0: no limit
  std::uint64_t scratch_bytes = 0;  // of the private folder
  std::uint64_t cpu_seconds = 0;    // 0: no limit
};

struct Sandboxed {
  bool has_namespaces = false;
  bool has_memory_limit = false;
  std::string scratch_folder{};  // empty: there is none
  std::string problem{};         // not empty: seccomp cannot be had, nothing may be read
};

// In this order: where the kernel allows them namespaces of our own with an empty, size-limited
// file system that the scratch folder is in; the parent's end becomes ours, limits, no new rights
// and none of the old; last the list of system calls. After it: no network, no signal or limit for
// another process, no program to start, and no file but in the scratch folder; without namespaces
// there is no such folder and nothing can be opened at all. What is not on the list ends the
// process (SIGSYS). Call while there is one thread and only standard input, output and error are
// open.
Sandboxed enter_sandbox(const SandboxOptions& options);

}  // namespace holdfast::scan
