#include "gc/work.hpp"

#include <fmt/format.h>

#include "codec/text.hpp"

namespace holdfast::gc {

namespace {

constexpr std::chrono::milliseconds kStep{1000};

Result<void> run_to_end(Collector& collector, std::string_view run, jobs::Run& job) {
  const auto stop = [&] { return job.should_stop(); };
  Progress progress;
  while (progress.phase != Phase::done && !stop()) {
    HF_TRY(progress, collector.step(run, kStep, stop));
    job.log(fmt::format("{}: {}", name(progress.phase), summary(progress.totals)));
  }
  job.log(progress.phase == Phase::done ? "freed all that nothing keeps"
                                        : "stopped before it was done: the next run goes on");
  return {};
}

}  // namespace

std::string summary(const Totals& totals) {
  std::string text =
      fmt::format("{} manifests, {} links, {} blobs, {} freed", totals.manifests, totals.links,
                  totals.blobs, codec::size_text(static_cast<double>(totals.size_bytes)));
  if (totals.files > 0) text += fmt::format(", {} files without a row", totals.files);
  return text;
}

jobs::Work work(Collector& collector, Scope scope) {
  return [&collector, scope](jobs::Run& job) -> Result<void> {
    HF_TRY(const std::string run, collector.begin(scope));
    const Result<void> outcome = run_to_end(collector, run, job);
    const Result<void> ended = collector.end(run);
    return outcome ? ended : outcome;
  };
}

}  // namespace holdfast::gc
