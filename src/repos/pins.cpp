#include "repos/pins.hpp"

#include <fmt/format.h>

#include "repos/content_state.hpp"
#include "repos/loosen.hpp"

namespace holdfast::repos {

Result<std::optional<blob::BlobKey>> pin(db::Tx& tx, const oci::Digest& digest,
                                         const blob::Committed& committed, std::string_view reason,
                                         Timestamp now) {
  HF_TRY(const BlobRow row, put_blob(tx, digest, committed, now));
  HF_CHECK(
      tx.execute("INSERT INTO pinned_blobs (blob_id, reason) VALUES ($1, $2) "
                 "ON CONFLICT (blob_id) DO UPDATE SET reason = $2",
                 {row.id, reason}));
  return row.won ? std::optional<blob::BlobKey>() : committed.key;
}

Result<void> unpin(db::Tx& tx, const oci::Digest& digest) {
  HF_TRY(const auto id,
         tx.find<std::int64_t>("DELETE FROM pinned_blobs WHERE blob_id = (SELECT id FROM blobs "
                               "WHERE digest = $1) RETURNING blob_id",
                               {digest.text()}, [](const db::Row& row) { return row.integer(0); }));
  if (!id) return {};
  return loosen_blob(tx, *id);
}

Result<StoredBlob> pinned(db::Tx& tx, const oci::Digest& digest) {
  HF_TRY(auto found,
         tx.find<StoredBlob>("SELECT key, size FROM blobs JOIN pinned_blobs ON blob_id = blobs.id "
                             "WHERE digest = $1",
                             {digest.text()}, [&](const db::Row& row) {
                               return StoredBlob{
                                   .digest = digest,
                                   .key = {row.string(0)},
                                   .size_bytes = static_cast<std::uint64_t>(row.integer(1))};
                             }));
  if (found) return *std::move(found);
  return fail(ErrorCode::not_found, kBlobUnknown,
              fmt::format("{} is not kept here", digest.text()));
}

}  // namespace holdfast::repos
