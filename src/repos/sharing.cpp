#include "repos/sharing.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>
#include <string_view>

#include "repos/content_state.hpp"

namespace holdfast::repos {

namespace {

// The first column of at most `limit` rows; the statement asks for one more.
Result<Page<std::string>> names(db::Tx& tx, std::string_view sql,
                                std::initializer_list<db::Value> values) {
  Page<std::string> page;
  HF_CHECK(tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
    page.items.push_back(row.string(0));
    return {};
  }));
  page.more = std::ssize(page.items) > kNamedAtMost;
  if (page.more) page.items.pop_back();
  return page;
}

Result<Holders> holders(db::Tx& tx, std::string_view sql, db::Value what,
                        std::int64_t repository_id, std::int64_t limit) {
  Holders found;
  HF_CHECK(tx.query(sql, {what, repository_id, limit + 1}, [&](const db::Row& row) -> Result<void> {
    found.repository_ids.push_back(row.integer(0));
    return {};
  }));
  found.more = std::ssize(found.repository_ids) > limit;
  if (found.more) found.repository_ids.pop_back();
  return found;
}

// A step of the indexes behind `last`, which becomes the last one that was looked at. A stranger
// made them: their number and length are bounded, and a few are in memory at a time. Gives how many
// there were.
constexpr std::int64_t kIndexStep = 50;
Result<std::int64_t> add_indexes(db::Tx& tx, std::int64_t repository_id, std::string_view digest,
                                 std::string& last, Page<std::string>& page) {
  std::int64_t looked_at = 0;
  const std::string after = last;
  HF_CHECK(tx.query(
      "SELECT digest, media_type, content FROM manifests WHERE repository_id = $1 AND digest > $2 "
      "AND media_type IN ('application/vnd.oci.image.index.v1+json', "
      "'application/vnd.docker.distribution.manifest.list.v2+json') AND length(content) <= $3 "
      "ORDER BY digest LIMIT $4",
      {repository_id, after, kIndexBytesAtMost, kIndexStep},
      [&](const db::Row& row) -> Result<void> {
        ++looked_at;
        last = row.string(0);
        const auto bytes = row.bytes(2);
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (text.find(digest) == std::string_view::npos) return {};
        HF_TRY(const oci::Manifest index, oci::parse_manifest(text, row.text(1)));
        const bool names_it = std::ranges::any_of(
            index.children,
            [&](const oci::Descriptor& child) { return child.digest.text() == digest; });
        if (names_it) page.items.push_back(last);
        return {};
      }));
  return looked_at;
}

// What an index names stands in its bytes alone.
Result<Page<std::string>> indexes_of(db::Tx& tx, std::int64_t repository_id,
                                     std::string_view digest) {
  Page<std::string> page;
  std::string last;
  std::int64_t looked_at = kIndexStep;
  for (std::int64_t done = 0; looked_at == kIndexStep; done += looked_at) {
    page.more = done >= kIndexesAtMost || std::ssize(page.items) > kNamedAtMost;
    if (page.more) break;
    HF_TRY(looked_at, add_indexes(tx, repository_id, digest, last, page));
  }
  if (std::ssize(page.items) > kNamedAtMost) {
    page.more = true;
    page.items.resize(kNamedAtMost);
  }
  return page;
}

Result<BlobSharing> blob_sharing(db::Tx& tx, std::int64_t repository_id, std::int64_t manifest,
                                 const oci::Descriptor& descriptor) {
  BlobSharing shared{descriptor};
  HF_TRY(const auto id,
         tx.find<std::int64_t>("SELECT id FROM blobs WHERE digest = $1", {descriptor.digest.text()},
                               [](const db::Row& row) { return row.integer(0); }));
  if (!id) return shared;
  HF_TRY(shared.holders,
         holders(tx,
                 "SELECT repository_id FROM repository_blobs WHERE blob_id = $1 AND "
                 "repository_id <> $2 ORDER BY linked_at LIMIT $3",
                 *id, repository_id, kHoldersAtMost / 10));
  HF_TRY(const auto manifests,
         tx.find<std::int64_t>(
             "SELECT count(*) FROM (SELECT 1 FROM manifest_blobs u JOIN manifests m ON m.id = "
             "u.manifest_id WHERE u.blob_id = $1 AND m.repository_id = $2 AND m.id <> $3 LIMIT $4) "
             "AS users",
             {*id, repository_id, manifest, kHoldersAtMost},
             [](const db::Row& row) { return row.integer(0); }));
  shared.manifests = manifests.value_or(0);
  return shared;
}

}  // namespace

Result<ManifestSharing> sharing(db::Database& database, std::int64_t repository_id,
                                const StoredManifest& stored) {
  HF_TRY(const oci::Manifest manifest, oci::parse_manifest(*stored.bytes, stored.media_type));
  const std::string digest = stored.digest.text();
  ManifestSharing found;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    found = {};
    HF_TRY(const auto id, manifest_id(tx, repository_id, digest));
    if (!id) return fail(ErrorCode::not_found, kManifestUnknown, "the manifest is gone");
    HF_TRY(found.tags,
           names(tx, "SELECT name FROM tags WHERE manifest_id = $1 ORDER BY name LIMIT $2",
                 {*id, kNamedAtMost + 1}));
    HF_TRY(found.indexes, indexes_of(tx, repository_id, digest));
    HF_TRY(found.referrers,
           names(tx,
                 "SELECT digest FROM manifests WHERE repository_id = $1 AND subject = $2 "
                 "ORDER BY digest LIMIT $3",
                 {repository_id, digest, kNamedAtMost + 1}));
    HF_TRY(found.holders,
           holders(tx,
                   "SELECT repository_id FROM manifests WHERE digest = $1 AND repository_id <> $2 "
                   "ORDER BY repository_id LIMIT $3",
                   digest, repository_id, kHoldersAtMost));
    for (const oci::Descriptor& blob : manifest.required_blobs() | std::views::take(kBlobsAtMost)) {
      HF_TRY(BlobSharing shared, blob_sharing(tx, repository_id, *id, blob));
      found.blobs.push_back(std::move(shared));
    }
    return {};
  }));
  return found;
}

}  // namespace holdfast::repos
