#include "detect/languages.hpp"

#include <array>

namespace holdfast::detect {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20U;

// Sizes leave room for what is seen in the wild, and keep what JSON takes in memory, some twenty
// times its size at worst, within a worker's.
constexpr std::array kDetectors = {
    Detector{"npm", wants_npm, 4 * kMiB, detect_npm},
    Detector{"python", wants_python, 4 * kMiB, detect_python},
    Detector{"java", wants_java, 128 * kMiB, detect_java},
    Detector{"cargo", wants_rust, 16 * kMiB, detect_rust},
};

}  // namespace

std::span<const Detector> language_detectors() { return kDetectors; }

}  // namespace holdfast::detect
