// fuzz: http
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/form.hpp"

// Bounded, and no pair is longer than what it came from.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::http;
  const auto form = Form::parse({reinterpret_cast<const char*>(data), size});
  if (!form) return 0;
  if (form->pairs().size() > 256) std::abort();
  for (const auto& [name, value] : form->pairs()) {
    if (name.size() + value.size() > size || form->values(name).empty()) std::abort();
  }
  return 0;
}
