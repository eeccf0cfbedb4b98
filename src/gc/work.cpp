#include "gc/work.hpp"

#include <array>
#include <fmt/format.h>

namespace holdfast::gc {

namespace {

constexpr std::chrono::milliseconds kStep{1000};

std::string size_text(std::int64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", size, kUnits[unit]);
}

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
  std::string text = fmt::format("{} manifests, {} links, {} blobs, {} freed", totals.manifests,
                                 totals.links, totals.blobs, size_text(totals.size_bytes));
  if (totals.files > 0) text += fmt::format(", {} files without a row", totals.files);
  return text;
}

jobs::Work work(Collector& collector, Scope scope) {
  return [&collector, scope](jobs::Run& job) -> Result<void> {
    HF_TRY(const std::string run, collector.begin(scope));
    Result<void> outcome = run_to_end(collector, run, job);
    HF_CHECK(collector.end(run));
    return outcome;
  };
}

}  // namespace holdfast::gc
