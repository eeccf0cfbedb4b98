// Blobs on a file system.
#pragma once

#include <filesystem>
#include <memory>

#include "blob/store.hpp"

namespace holdfast::blob::fs {

// Makes the folders below `root` that are missing, and syncs them. unavailable when it cannot.
Result<std::unique_ptr<Store>> open(const std::filesystem::path& root);

}  // namespace holdfast::blob::fs
