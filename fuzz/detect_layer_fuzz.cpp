// fuzz: detect
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "detect/layer.hpp"

// A layer of any form: it is read or refused, and what is found has names.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  std::size_t at = 0;
  const auto pull = [&](std::span<std::byte> into) -> Result<std::size_t> {
    const std::size_t step = std::min(into.size(), size - at);
    std::copy_n(reinterpret_cast<const std::byte*>(data) + at, step, into.data());
    at += step;
    return step;
  };
  detect::LayerOptions options;
  options.unpacked_bytes = 16ULL << 20U;
  const auto read = detect::read_layer(pull, options);
  if (!read) return 0;
  for (const packages::Package& package : read->layer.packages) {
    if (package.name.empty() || package.path.empty()) __builtin_trap();
  }
  if (!std::ranges::is_sorted(read->layer.removed)) __builtin_trap();
  return 0;
}
