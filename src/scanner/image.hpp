// Puts an image together from the reports of its layers (docs/adr/0012-layers-are-read-once.md).
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "packages/package.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kImageTooLarge = "image_too_large_to_scan";  // too_large

// A package where it came into the image.
struct Brought {
  std::uint32_t package = 0;  // index in its layer's report
  bool is_present = false;    // whether the image still has it: nothing above took it away
  bool operator==(const Brought&) const = default;
};

struct Image {
  // The layer whose release is the image's: the topmost that is still there.
  std::optional<std::uint32_t> release_layer{};
  // For each layer, from the bottom up, what it brought: a package of a distribution is brought by
  // the lowest layer since which every database lists it; every other one by the layer whose member
  // shows it.
  std::vector<std::vector<Brought>> layers{};
  // Layers that do not unpack to what the image's config says: whose bytes these are nobody vouches
  // for, and no client runs the image.
  std::set<std::uint32_t> altered{};
  bool operator==(const Image&) const = default;
};

// `layers` from the bottom up; null for one that could not be read. too_large/kImageTooLarge for
// what would take minutes: hundreds of thousands of packages under hundreds of layers.
Result<Image> assemble(std::span<const packages::Layer* const> layers);

}  // namespace holdfast::scanner
