// One run of the worker: fed, listened to and ended in time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "worker/launcher.hpp"

namespace holdfast::worker {

struct Command {
  std::string program;
  std::vector<std::string> arguments;
};

// Starts it with an empty environment and nothing open but the three standard streams, gives it
// what `source` has, and every piece of its answer to `take`. Kills it at the deadline, when `stop`
// says so, when it answers too much and when `source` or `take` fail. It is gone when this returns.
// Errors: those of launcher.hpp; timeout/kWorkerTimeout for `stop` too.
Result<void> run(const Command& command, const Source& source, const Limits& limits,
                 const std::function<Result<void>(std::string_view)>& take,
                 const std::function<bool()>& stop);

}  // namespace holdfast::worker
