// fuzz: scanner
// What an adapter says of itself and of an image: whatever it is, what is kept of it reads the same
// again, and becomes a report of ours that counts every finding.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codec/text.hpp"
#include "scanner/adapter_report.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace scanner = holdfast::scanner;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto metadata = scanner::parse_adapter_metadata(text)) {
    if (metadata->scanner.name.empty()) std::abort();
    if (const auto* found = metadata->for_images("application/vnd.oci.image.manifest.v1+json")) {
      if (scanner::report_type_of(*found).empty()) std::abort();
    }
  }
  const auto report = scanner::parse_adapter_report(text);
  if (!report) return 0;
  const auto again = scanner::parse_adapter_report(scanner::to_json(*report));
  if (!again || *again != *report) std::abort();
  for (const auto& finding : report->findings) {
    if (finding.vulnerability.empty() || finding.package.empty()) std::abort();
    if (!holdfast::codec::is_text(finding.vulnerability + finding.package + finding.summary)) {
      std::abort();
    }
  }
  const auto layer = [](char letter) {
    return holdfast::oci::Digest::parse("sha256:" + std::string(64, letter)).value();
  };
  const auto image = scanner::to_image_report(*report, layer('d'), {layer('a'), layer('b')});
  std::int64_t found = 0;
  for (const auto& component : image.components) {
    if (component.layer >= image.layers.size()) std::abort();
    found += std::ssize(component.matches());
  }
  const auto& counts = image.counts;
  if (counts.critical + counts.high + counts.medium + counts.low + counts.unknown != found) {
    std::abort();
  }
  return 0;
}
