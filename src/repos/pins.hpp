// Blobs that belong to no repository and stay all the same: what the server itself keeps in its
// store. Collection leaves them alone, and says for what they are kept.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "oci/digest.hpp"
#include "repos/content.hpp"

namespace holdfast::repos {

// Keeps freshly stored bytes, in the caller's transaction. The first row of a digest wins, as in
// Content::link_blob: gives the key that is not needed any more, to be erased after COMMIT.
Result<std::optional<blob::BlobKey>> pin(db::Tx& tx, const oci::Digest& digest,
                                         const blob::Committed& committed, std::string_view reason,
                                         Timestamp now);
// Lets go of it; collection removes what no repository has. No error when it is not pinned.
Result<void> unpin(db::Tx& tx, const oci::Digest& digest);
// not_found/kBlobUnknown for a digest that is not pinned.
Result<StoredBlob> pinned(db::Tx& tx, const oci::Digest& digest);

}  // namespace holdfast::repos
