// Lines "scheme<TAB>a<TAB>b" become lines "-1", "0", "1"; "?" where a or b is no version of the
// scheme. For tests beside the real tools.
#include <iostream>
#include <string>
#include <string_view>

#include "versions/compare.hpp"

namespace {

std::string_view answer(std::string_view line) {
  using namespace holdfast::versions;
  const std::size_t first = line.find('\t');
  const std::size_t second = line.find('\t', first + 1);
  const std::string_view a = line.substr(first + 1, second - first - 1);
  const std::string_view b = line.substr(second + 1);
  for (const Scheme scheme : schemes()) {
    if (name(scheme) != line.substr(0, first)) continue;
    if (!is_valid(scheme, a) || !is_valid(scheme, b)) return "?";
    const auto order = compare(scheme, a, b);
    if (order < 0) return "-1";
    return order > 0 ? "1" : "0";
  }
  return "no such scheme";
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(line) << '\n';
}
