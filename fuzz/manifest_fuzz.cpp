// fuzz: oci codec
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codec/json.hpp"
#include "oci/manifest.hpp"

// A manifest that parses gives a referrer entry that is JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string_view type : {oci::kOciManifest, oci::kOciIndex, std::string_view()}) {
    const auto manifest = oci::parse_manifest(text, type);
    if (!manifest) continue;
    if (manifest->required_blobs().size() > manifest->layers.size() + 1) std::abort();
    const auto digest = oci::Digest::of(oci::Algorithm::sha256, std::string(32, 'x'));
    if (!codec::parse_json(oci::referrer_descriptor(*manifest, digest, size))) std::abort();
  }
  return 0;
}
