// The form of a layer's report on the worker's pipe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "packages/package.hpp"

namespace holdfast::packages {

inline constexpr std::string_view kReportInvalid = "scan_report_invalid";  // corrupt

// {"packages": [{"type": "deb", "name": …}], "release": {…}, "files": […], …}; empty members are
// left out.
std::string to_json(const Layer& layer);

// Reads what to_json wrote. A worker that a stranger's bytes took over may write anything:
// corrupt/kReportInvalid for every other form, for members of a wrong type and for texts that are
// no UTF-8. `files` comes sorted and without doubles, whatever the order was.
Result<Layer> parse_layer(std::string_view json);

}  // namespace holdfast::packages
