// fuzz: app
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "config/sources.hpp"
#include "options.hpp"

// Whatever the file holds: no crash, and a value for every setting afterwards.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  config::Values values;
  std::vector<config::Problem> problems;
  config::read_toml({reinterpret_cast<const char*>(data), size}, "fuzz.toml", values, problems);
  const Options options = make_options(values, problems);
  if (options.tls_names.empty()) std::abort();
  for (const config::Problem& problem : problems) {
    if (problem.message.empty()) std::abort();
  }
  return 0;
}
