// fuzz: versions cvss
#include <cstdint>
#include <string_view>

#include "cvss/score.hpp"
#include "versions/compare.hpp"

// "scheme, a, NUL, b": every order is one, for any two texts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::versions;
  if (size == 0) return 0;
  const Scheme scheme = schemes()[data[0] % schemes().size()];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t end = rest.find('\0');
  const std::string_view a = rest.substr(0, end);
  const std::string_view b = end == std::string_view::npos ? a : rest.substr(end + 1);
  const auto order = compare(scheme, a, b);
  if ((order < 0) != (compare(scheme, b, a) > 0)) __builtin_trap();
  if ((order == 0) != (compare(scheme, b, a) == 0)) __builtin_trap();
  if (compare(scheme, a, a) != 0) __builtin_trap();
  const auto score = holdfast::cvss::score(a);
  if (score && (score->tenths < 0 || score->tenths > 100)) __builtin_trap();
  return 0;
}
