// fuzz: scanner packages codec
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codec/json.hpp"
#include "codec/text.hpp"
#include "scanner/vex.hpp"

namespace {

using namespace holdfast;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// Whatever comes: texts that a database takes, and nothing that would hide everything.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = codec::parse_json({reinterpret_cast<const char*>(data), size});
  if (!parsed || !parsed->is_object()) return 0;
  const auto document = scanner::read_vex(parsed->get_object());
  if (!document) {
    require(document.error().reason == scanner::kVexInvalid);
    return 0;
  }
  require(!document->id.empty() && codec::is_text(document->id));
  for (const scanner::Waiver& waiver : document->waivers) {
    require(!waiver.vulnerability.empty());
    require(!waiver.component.empty() || !waiver.image.empty());
    for (const std::string* text : {&waiver.vulnerability, &waiver.component, &waiver.version,
                                    &waiver.notes, &waiver.distribution, &waiver.architecture}) {
      require(codec::is_text(*text));
    }
  }
  return 0;
}
