// The jobs of this program: what it knows to do in the background, when, and the worker that does
// it while the server runs.
#pragma once

#include <string>

#include "base/result.hpp"
#include "core.hpp"
#include "jobs/runner.hpp"

namespace holdfast {

// The actions that the program knows. Once, when the core is open.
void add_actions(Core& core);

// Installs the crons that a new registry has, and starts the worker. Stopped and joined by its end,
// or by stop(), which takes as long as the jobs that run need to stop.
class Worker {
 public:
  // `id` is the replica's; `address` is shown to people.
  Worker(Core& core, std::string id, std::string address);
  Result<void> start();
  void stop();

 private:
  Core& core_;
  jobs::Runner runner_;
};

}  // namespace holdfast
