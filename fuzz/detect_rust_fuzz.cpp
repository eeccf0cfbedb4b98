// fuzz: detect codec
#include "detect.hpp"
#include "detect/languages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::detect;
  return fuzz_detector(detect_rust, "app/Cargo.lock", data, size);
}
