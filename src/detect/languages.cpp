#include "detect/languages.hpp"

#include <array>

namespace holdfast::detect {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20U;

// Sizes leave room for what is seen in the wild, and keep the worker within its memory: reading a
// file takes half as much again while the text grows.
constexpr std::array kDetectors = {
    Detector{"npm", wants_npm, 4 * kMiB, detect_npm},
    Detector{"python", wants_python, 4 * kMiB, detect_python},
    Detector{"java", wants_java, 128 * kMiB, detect_java},
    Detector{"gem", wants_ruby, kMiB, detect_ruby},
    Detector{"cargo", wants_rust, 16 * kMiB, detect_rust},
    Detector{"composer", wants_php, 32 * kMiB, detect_php},
    Detector{"nuget", wants_dotnet, 16 * kMiB, detect_dotnet},
    Detector{"conda", wants_conda, 8 * kMiB, detect_conda},
    Detector{"sbom", wants_sbom, 32 * kMiB, detect_sbom},
};

}  // namespace

std::span<const Detector> language_detectors() { return kDetectors; }

}  // namespace holdfast::detect
