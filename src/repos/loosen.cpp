#include "repos/loosen.hpp"

#include <fmt/format.h>
#include <string_view>
#include <unordered_set>

namespace holdfast::repos {

namespace {

// The later time wins: who has lost a tag since then has its own grace.
constexpr std::string_view kLater =
    "ON CONFLICT (manifest_id) DO UPDATE SET held = 0, since = CASE WHEN loose_manifests.since > "
    "excluded.since THEN loose_manifests.since ELSE excluded.since END";

}  // namespace

Result<void> loosen_manifest(db::Tx& tx, std::int64_t manifest_id, Timestamp since) {
  HF_CHECK(
      tx.execute("INSERT INTO loose_manifests (manifest_id, since, held) VALUES ($1, $2, 0) "
                 "ON CONFLICT (manifest_id) DO UPDATE SET since = $2, held = 0",
                 {manifest_id, to_micros(since)}));
  return {};
}

Result<void> keep_children(db::Tx& tx, std::int64_t repository_id, std::int64_t parent_id,
                           const oci::Manifest& manifest) {
  std::unordered_set<std::string_view> seen;
  for (const oci::Descriptor& child : manifest.children) {
    if (!seen.insert(child.digest.text()).second) continue;
    HF_CHECK(
        tx.execute("INSERT INTO manifest_children (repository_id, digest, parent_id) "
                   "VALUES ($1, $2, $3) ON CONFLICT (repository_id, digest, parent_id) DO NOTHING",
                   {repository_id, child.digest.text(), parent_id}));
  }
  return {};
}

Result<void> loosen_what_it_keeps(db::Tx& tx, const ManifestRow& manifest, Timestamp since) {
  constexpr std::string_view kInsert = "INSERT INTO loose_manifests (manifest_id, since, held) ";
  static const std::string children = fmt::format(
      "{}SELECT manifests.id, $2, 0 FROM manifest_children JOIN manifests ON "
      "manifests.repository_id = manifest_children.repository_id AND "
      "manifests.digest = manifest_children.digest WHERE parent_id = $1 {}",
      kInsert, kLater);
  static const std::string referrers =
      fmt::format("{}SELECT id, $3, 0 FROM manifests WHERE repository_id = $1 AND subject = $2 {}",
                  kInsert, kLater);
  static const std::string fallback =
      fmt::format("{}SELECT manifest_id, $3, 0 FROM tags WHERE repository_id = $1 AND name = $2 {}",
                  kInsert, kLater);
  HF_TRY(const oci::Digest digest, oci::Digest::parse(manifest.digest));
  const std::int64_t time = to_micros(since);
  HF_CHECK(tx.execute(children, {manifest.id, time}));
  HF_CHECK(tx.execute(referrers, {manifest.repository_id, manifest.digest, time}));
  HF_CHECK(tx.execute(fallback, {manifest.repository_id, oci::fallback_tag(digest), time}));
  return {};
}

Result<std::vector<std::string>> loosen_links_of(db::Tx& tx, const ManifestRow& manifest,
                                                 Timestamp now) {
  HF_CHECK(
      tx.execute("UPDATE repository_blobs SET linked_at = $3 WHERE repository_id = $1 AND "
                 "blob_id IN (SELECT blob_id FROM manifest_blobs WHERE manifest_id = $2)",
                 {manifest.repository_id, manifest.id, to_micros(now)}));
  std::vector<std::string> digests;
  HF_CHECK(
      tx.query("SELECT blobs.digest FROM manifest_blobs JOIN blobs ON blobs.id = blob_id "
               "WHERE manifest_id = $1",
               {manifest.id}, [&](const db::Row& row) -> Result<void> {
                 digests.push_back(row.string(0));
                 return {};
               }));
  return digests;
}

Result<void> loosen_blob(db::Tx& tx, std::int64_t blob_id) {
  HF_CHECK(tx.execute(
      "INSERT INTO loose_blobs (blob_id) VALUES ($1) ON CONFLICT (blob_id) DO NOTHING", {blob_id}));
  return {};
}

Result<void> loosen_blobs_of(db::Tx& tx, std::int64_t repository_id) {
  HF_CHECK(
      tx.execute("INSERT INTO loose_blobs (blob_id) SELECT blob_id FROM repository_blobs "
                 "WHERE repository_id = $1 ON CONFLICT (blob_id) DO NOTHING",
                 {repository_id}));
  return {};
}

}  // namespace holdfast::repos
