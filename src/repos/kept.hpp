// What keeps a manifest or a blob: the rules of collection, and the answer to "why is it here".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/digest.hpp"

namespace holdfast::repos {

// Whether a tag keeps the manifest. The fallback tag of a subject that is not in the repository
// keeps nothing; tags of signatures (sha256-<hex>.sig) do, since what they sign may lie elsewhere.
Result<bool> has_counting_tag(db::Tx& tx, std::int64_t repository_id, std::int64_t manifest_id);
// Whether an index of the repository names the digest, or its subject (empty: none) is there.
Result<bool> is_held(db::Tx& tx, std::int64_t repository_id, std::string_view digest,
                     std::string_view subject);

// All lists are cut at kKeepersNamed.
inline constexpr int kKeepersNamed = 20;

struct KeptManifest {
  std::string repository;
  std::vector<std::string> tags;
  std::vector<std::string> indexes;        // digests
  std::string subject;                     // while it is there
  std::optional<Timestamp> loose_since{};  // without a tag; nothing: it was never seen so
};
struct KeptLink {
  std::string repository;
  Timestamp told_at;                   // uploaded, mounted, told of, or left by its last manifest
  std::vector<std::string> manifests;  // digests
};
struct Kept {
  std::vector<KeptManifest> manifests;  // one for each repository that has it
  bool is_blob = false;
  std::int64_t size_bytes = 0;
  std::vector<KeptLink> links;
  std::string pinned_for;  // what the server keeps it for; empty: it does not
};
// What is known of a digest; nothing at all when it is not stored. Blocks.
Result<Kept> what_keeps(db::Database& database, const oci::Digest& digest);

// What waits to be looked at, counted up to `most`.
struct Waiting {
  std::int64_t manifests = 0;
  std::int64_t blobs = 0;
};
Result<Waiting> waiting(db::Database& database, std::int64_t most);

// Grows with every blob and manifest that is new: whether pushes go on. O(1).
Result<std::int64_t> last_pushed(db::Database& database);

}  // namespace holdfast::repos
