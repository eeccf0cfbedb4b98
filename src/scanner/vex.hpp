// Statements that a vulnerability does not matter in a product, as waivers: OpenVEX 0.2
// (https://github.com/openvex/spec) and VEX by CSAF 2.0
// (https://docs.oasis-open.org/csaf/csaf/v2.0/).
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "scanner/waivers.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kVexInvalid = "vex_invalid";  // invalid

struct VexDocument {
  std::string id{};
  // Of what is not affected, or fixed: for each product that a PURL names, a package or an image
  // (pkg:oci with its digest).
  std::vector<Waiver> waivers{};
  // Statements that hide nothing: affected, under investigation, or of products that are not known
  // here.
  std::int64_t passed_over = 0;
};

// invalid/kVexInvalid: neither of both, no id, or more than kWaiversAtMost waivers.
Result<VexDocument> read_vex(const boost::json::object& document);

}  // namespace holdfast::scanner
