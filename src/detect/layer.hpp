// Reads one layer and says what it holds.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "detect/detector.hpp"
#include "detect/stream.hpp"
#include "packages/package.hpp"

namespace holdfast::detect {

struct LayerOptions {
  std::uint64_t unpacked_bytes = 32ULL << 30U;
  // Members that are to be kept beside those that detectors want, see LayerRead::again.
  std::set<std::string> also_kept{};
  std::span<const Detector> detectors = language_detectors();
  void (*detect_program)(const File& file, Found& found) = &detect::detect_program;
  // A folder of its own for what a library wants as files; "": rpm databases are not read.
  std::string scratch_folder{};
};

struct LayerRead {
  packages::Layer layer{};
  // Not empty: a database lies behind links in members that were not kept. `layer` lacks it; read
  // once more with these in also_kept.
  std::vector<std::string> again{};
};

// corrupt/kUnreadable, too_large/kTooLarge, and what `pull` gives. One thread.
Result<LayerRead> read_layer(Pull pull, const LayerOptions& options);

}  // namespace holdfast::detect
