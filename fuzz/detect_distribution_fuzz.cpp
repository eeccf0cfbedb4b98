// fuzz: detect
#include <cstdint>
#include <string_view>

#include "detect/distributions.hpp"

// The databases of distributions that are text, and rpm's ndb: the first byte says which.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::detect;
  if (size == 0) return 0;
  const File file{"a/b.list", {reinterpret_cast<const char*>(data) + 1, size - 1}};
  Found found;
  Owners owners;
  switch (data[0] % 6) {
    case 0:
      detect_dpkg(file, found);
      break;
    case 1:
      detect_apk(file, found, owners);
      break;
    case 2:
      static_cast<void>(read_os_release(file));
      break;
    case 3:
      read_dpkg_list(file, owners);
      break;
    case 4:
      static_cast<void>(licenses_of_copyright(file.bytes));
      break;
    default:
      detect_ndb(file, found, owners);
  }
  static_cast<void>(owners.owner_of("usr/bin/bash"));
  for (const auto& package : found.packages()) {
    if (package.name.empty()) __builtin_trap();
  }
  return 0;
}
