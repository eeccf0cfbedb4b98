// fuzz: oci
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/digest.hpp"

// A digest that parses is printed as it was read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto digest = holdfast::oci::Digest::parse(text);
  if (digest && digest->text() != text) std::abort();
  return 0;
}
