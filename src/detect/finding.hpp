// For tests of detectors: what a file shows, in a form that reads well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "detect/detector.hpp"

namespace holdfast::detect::testing {

using Detect = void (*)(const File& file, Found& found);

// Packages as "name@version", in order.
inline std::vector<std::string> listed(const Found& found) {
  std::vector<std::string> names;
  for (const packages::Package& package : found.packages()) {
    names.push_back(package.name + "@" + package.version);
  }
  return names;
}

inline Found found_in(Detect detect, std::string_view path, std::string_view bytes) {
  Found found;
  detect({path, bytes}, found);
  return found;
}

}  // namespace holdfast::detect::testing
