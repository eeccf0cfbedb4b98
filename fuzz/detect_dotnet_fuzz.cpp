// fuzz: detect codec
#include "detect.hpp"
#include "detect/languages.hpp"

// The same bytes as each of the files that it reads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::detect;
  for (const char* const path : {"a.deps.json", "packages.lock.json", "packages.config"}) {
    fuzz_detector(detect_dotnet, path, data, size);
  }
  return 0;
}
