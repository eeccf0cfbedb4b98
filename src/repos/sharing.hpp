// Who else has what a manifest is made of: what is asked before something is deleted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/manifest.hpp"
#include "repos/content.hpp"

namespace holdfast::repos {

// Other repositories, in no order that matters; `more`: there are others beyond the bound.
struct Holders {
  std::vector<std::int64_t> repository_ids{};
  bool more = false;
};

struct BlobSharing {
  oci::Descriptor blob;
  Holders holders{};
  std::int64_t manifests = 0;  // others of this repository that need it, kHoldersAtMost at most
};

struct ManifestSharing {
  Page<std::string> tags{};          // on it
  Page<std::string> indexes{};       // of this repository that name it, by digest
  Page<std::string> referrers{};     // of this repository whose subject it is, by digest
  Holders holders{};                 // that have the same manifest
  std::vector<BlobSharing> blobs{};  // config and layers, the first kBlobsAtMost
};

inline constexpr std::int64_t kNamedAtMost = 100;     // tags, indexes, referrers
inline constexpr std::int64_t kHoldersAtMost = 1000;  // other repositories; of a blob a tenth
inline constexpr std::size_t kBlobsAtMost = 128;
// Indexes of a repository that are looked into, and the longest that is.
inline constexpr std::int64_t kIndexesAtMost = 500;
inline constexpr std::int64_t kIndexBytesAtMost = 256L << 10U;

// Blocks. Access is not decided here. not_found/kManifestUnknown.
Result<ManifestSharing> sharing(db::Database& database, std::int64_t repository_id,
                                const StoredManifest& stored);

}  // namespace holdfast::repos
