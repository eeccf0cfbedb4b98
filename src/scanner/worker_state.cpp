#include "scanner/worker_state.hpp"

#include "base/log.hpp"

namespace holdfast::scanner {

namespace {

std::string_view yes(bool is) { return is ? "yes" : "no"; }

// For everybody: without paths.
std::string in_words(const Error& error) {
  if (error.reason == worker::kWorkerMissing) {
    return "scanning is off: the program holdfast-scan, which belongs beside holdfast, cannot be "
           "started";
  }
  if (error.reason == worker::kSandboxMissing) {
    return "scanning is off: the kernel or the container gives no seccomp, without which nothing "
           "is opened";
  }
  return "scanning is off: the program holdfast-scan does not answer as it should";
}

}  // namespace

WorkerState WorkerState::found(worker::Launcher& launcher) {
  const auto sandbox = launcher.probe();
  if (!sandbox) {
    log::warn("scanning is off", {{"error", describe(sandbox.error())}});
    return {.problem = in_words(sandbox.error())};
  }
  if (!sandbox->seccomp) {
    log::warn("scanning is off", {{"error", "the worker has no seccomp"}});
    return {.sandbox = *sandbox,
            .problem = in_words(fail(ErrorCode::unavailable, worker::kSandboxMissing, ""))};
  }
  log::info("the scan worker is shut in", {{"seccomp", yes(sandbox->seccomp)},
                                           {"namespaces", yes(sandbox->namespaces)},
                                           {"memory_limit", yes(sandbox->memory_limit)}});
  return {.sandbox = *sandbox};
}

Result<void> WorkerState::need() const {
  if (problem.empty()) return {};
  return fail(ErrorCode::unavailable, kScanningUnable, problem);
}

}  // namespace holdfast::scanner
