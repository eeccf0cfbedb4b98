// Manifests that speak of another one in the same repository, as they are stored: by what was
// pushed alone, fallback tags are not looked at.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/digest.hpp"
#include "repos/content.hpp"

namespace holdfast::repos {

// Those of one of the artifact types whose subject is `subject`, in digest order, at most `limit`.
// Blocks.
Result<std::vector<StoredManifest>> referring(db::Database& database, std::int64_t repository_id,
                                              const oci::Digest& subject,
                                              std::span<const std::string_view> artifact_types,
                                              std::int64_t limit);

// The indexes that name `child`, in digest order, at most `limit`. Blocks.
Result<std::vector<StoredManifest>> indexes_of(db::Database& database, std::int64_t repository_id,
                                               const oci::Digest& child, std::int64_t limit);

}  // namespace holdfast::repos
