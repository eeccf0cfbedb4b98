// What every detector of a layer's files keeps to, whatever it is given.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/text.hpp"
#include "detect/detector.hpp"

namespace holdfast::detect {

inline int fuzz_detector(void (*detect)(const File& file, Found& found), std::string_view path,
                         const std::uint8_t* data, std::size_t size) {
  Found found;
  detect({path, {reinterpret_cast<const char*>(data), size}}, found);
  for (const packages::Package& package : found.packages()) {
    const bool is_whole = !package.name.empty() && !package.detector.empty() &&
                          codec::is_text(package.name) && codec::is_text(package.version) &&
                          package.name.size() <= Found::kTextBytes;
    if (!is_whole || packages::member_of(package) != path) std::abort();
  }
  for (const std::string& remark : found.remarks()) {
    if (!remark.starts_with(path)) std::abort();
  }
  return 0;
}

}  // namespace holdfast::detect
