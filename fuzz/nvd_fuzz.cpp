// fuzz: advisories cvss codec
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "advisories/nvd.hpp"
#include "advisories/osv.hpp"
#include "codec/text.hpp"
#include "cvss/score.hpp"

namespace {

using namespace holdfast::advisories;

void require(bool holds) {
  if (!holds) std::abort();
}

// What comes of it when it comes in pieces of `step` bytes; nothing: it is refused.
std::vector<std::string> read(std::string_view text, std::size_t step) {
  std::vector<std::string> rated;
  NvdReader reader([&](const std::string& cve, const std::string& vector) {
    require(cve.starts_with("CVE-") && holdfast::codec::is_text(cve));
    require(vector.empty() || holdfast::cvss::score(vector).has_value());
    rated.push_back(cve + " " + vector);
  });
  while (!text.empty()) {
    const auto written = reader.write(text.substr(0, step));
    if (!written) {
      require(written.error().reason == kRecordInvalid);
      return {};
    }
    text.remove_prefix(std::min(step, text.size()));
  }
  return reader.finish() ? rated : std::vector<std::string>();
}

}  // namespace

// Names that are names, vectors that are vectors, and the same however it is cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)content_of(text);
  const auto whole = read(text, 1UZ << 20U);
  require(read(text, 1) == whole);
  require(read(text, 13) == whole);
  return 0;
}
