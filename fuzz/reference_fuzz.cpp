// fuzz: oci
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/name.hpp"

// Names and tags that parse are unchanged, and what they are made of parses too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = holdfast::oci::RepositoryName::parse(text)) {
    if (std::string(name->ns()) + "/" + std::string(name->repository()) != text) std::abort();
    if (!holdfast::oci::is_name_component(name->ns())) std::abort();
  }
  if (const auto tag = holdfast::oci::Tag::parse(text); tag && tag->text() != text) std::abort();
  return 0;
}
