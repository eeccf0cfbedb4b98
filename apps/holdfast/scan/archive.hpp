// Images in files: OCI layouts, archives of docker save and of OCI, and root file systems.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "oci/manifest.hpp"
#include "scan/target.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scan {

// A folder or a tar. `name`: which image of several. What of open_image(), and
// unavailable/kTargetUnreadable, unsupported/kTargetUnsupported for what holds no image.
Result<Target> open_path(const std::filesystem::path& path, std::string_view name,
                         const oci::Platform& platform);

}  // namespace holdfast::scan
