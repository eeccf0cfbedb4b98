#include "prune_now.hpp"

#include <chrono>

#include "base/log.hpp"

namespace holdfast {

namespace {

constexpr std::chrono::seconds kAtMost{30};

class Now final : public jobs::Run {
 public:
  explicit Now(boost::json::object parameters) : parameters_(std::move(parameters)) {}

  [[nodiscard]] const boost::json::object& parameters() const override { return parameters_; }
  void log(std::string_view line) override { log::info("pruning", {{"line", line}}); }
  [[nodiscard]] bool should_stop() const override {
    return std::chrono::steady_clock::now() - begun_ > kAtMost;
  }

 private:
  const boost::json::object parameters_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace

void prune_now(pruning::Pruner& pruner, const std::string& repository, const std::string& policy) {
  Now run(pruning::job_parameters(repository, policy));
  if (const auto done = pruner.run(run); !done) {
    log::error("a pruning policy could not be evaluated",
               {{"repository", repository}, {"policy", policy}, {"error", describe(done.error())}});
  }
}

}  // namespace holdfast
