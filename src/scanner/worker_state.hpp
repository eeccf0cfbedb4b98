// Whether this process can open what strangers made: how well the worker is shut in.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kScanningUnable = "scanning_unable";  // unavailable

struct WorkerState {
  worker::Sandbox sandbox{};
  std::string problem{};  // not empty: nothing can be scanned here, and why

  // Starts a worker that reads nothing, and logs what came of it. Blocks for up to 10 s.
  static WorkerState found(worker::Launcher& launcher);
  // unavailable/kScanningUnable with the problem.
  [[nodiscard]] Result<void> need() const;
};

}  // namespace holdfast::scanner
