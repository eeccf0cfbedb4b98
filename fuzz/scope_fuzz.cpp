// fuzz: token
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/name.hpp"
#include "token/scope.hpp"

// Whatever comes: bounded, every entry grants something, every repository is a valid name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const auto list = token::parse_scopes({reinterpret_cast<const char*>(data), size});
  if (list.size() > 64) std::abort();
  for (const token::Access& access : list) {
    if (token::action_names(access.actions).empty()) std::abort();
    const auto repository = token::repository_of(access.name, "host:1");
    if (repository && !oci::RepositoryName::parse(*repository)) std::abort();
  }
  return 0;
}
