// All that is stored, whoever holds it: for checks and housekeeping, in pages by id.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "db/database.hpp"
#include "repos/content.hpp"

namespace holdfast::repos {

struct InventoryBlob {
  std::int64_t id = 0;
  StoredBlob blob;
};
// The blobs behind `after_id` (0: from the first), at most `limit`. Blocks.
Result<std::vector<InventoryBlob>> list_blobs(db::Database& database, std::int64_t after_id,
                                              int limit);

// Names of the repositories that hold a blob, in byte order, at most `limit`. Blocks.
Result<std::vector<std::string>> holder_names(db::Database& database, std::int64_t blob_id,
                                              int limit);

struct InventoryManifest {
  std::int64_t id = 0;
  std::string repository;
  StoredManifest manifest;
};
// The manifests behind `after_id`, with their bytes, at most `limit`. Blocks.
Result<std::vector<InventoryManifest>> list_manifests(db::Database& database, std::int64_t after_id,
                                                      int limit);

}  // namespace holdfast::repos
