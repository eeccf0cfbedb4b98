// How what loses its last use is written down, in the transaction that takes the use away: nothing
// is removed by it. repos/loose.hpp finds it there after the grace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/manifest.hpp"
#include "repos/content_state.hpp"

namespace holdfast::repos {

// The manifest lost a tag, or was pushed without one: to be looked at once `since` is old. Whether
// something else keeps it is found out then.
Result<void> loosen_manifest(db::Tx& tx, std::int64_t manifest_id, Timestamp since);

// What an index names is kept by it. For manifests of other kinds nothing is written.
Result<void> keep_children(db::Tx& tx, std::int64_t repository_id, std::int64_t parent_id,
                           const oci::Manifest& manifest);

// Before a manifest goes: its children, its referrers and the index under its fallback tag are to
// be looked at, none earlier than its own time says.
Result<void> loosen_what_it_keeps(db::Tx& tx, const ManifestRow& manifest, Timestamp since);

// Before a manifest goes: the grace of its blobs' links begins. Gives the blobs' digests.
Result<std::vector<std::string>> loosen_links_of(db::Tx& tx, const ManifestRow& manifest,
                                                 Timestamp now);

// The blob lost a link.
Result<void> loosen_blob(db::Tx& tx, std::int64_t blob_id);
// Before a repository goes.
Result<void> loosen_blobs_of(db::Tx& tx, std::int64_t repository_id);

}  // namespace holdfast::repos
