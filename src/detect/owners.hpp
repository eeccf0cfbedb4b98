// Which package of the distribution a file came with, from the lists of files that their databases
// keep.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace holdfast::detect {

// Not for several threads. Names of files are kept as hashes: a layer has hundreds of thousands.
class Owners {
 public:
  // `path` in any form: "/usr/bin/python3.11".
  void add(std::string_view package, std::string_view path);
  // The package that lists a member, also by the name it had before /bin, /lib and /sbin were
  // merged into /usr; "" none.
  [[nodiscard]] std::string owner_of(std::string_view member);

 private:
  struct Entry {
    std::uint64_t path = 0;
    std::uint32_t package = 0;
  };
  std::string find(std::string_view member) const;

  std::vector<Entry> entries_;  // sorted by path when `is_sorted_`
  std::vector<std::string> packages_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  bool is_sorted_ = true;
};

}  // namespace holdfast::detect
