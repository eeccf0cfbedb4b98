// fuzz: advisories
#include <cstdint>
#include <string_view>

#include "advisories/ecosystems.hpp"
#include "advisories/osv.hpp"

// A record of any form: it is read or refused; what is kept of it comes back from the file's form,
// and is judged without end for none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::advisories;
  const auto record = parse_record({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  if (record->id.empty()) __builtin_trap();
  for (const Record::Package& package : record->packages) {
    const auto scheme = scheme_of(split_ecosystem(package.ecosystem).family);
    if (!scheme) __builtin_trap();
    const Affected stored = unpack(pack(package.affected));
    for (const std::string_view version : {"1.0", "1.2.3-4", ""}) {
      static_cast<void>(judge(*scheme, stored, version));
    }
  }
  return 0;
}
