#include "repos/kept.hpp"

#include "repos/content_state.hpp"

namespace holdfast::repos {

namespace {

using Strings = std::vector<std::string>;

Result<Strings> strings(db::Tx& tx, std::string_view sql, std::initializer_list<db::Value> values) {
  Strings found;
  HF_CHECK(tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
    found.push_back(row.string(0));
    return {};
  }));
  return found;
}

// The subject that a fallback tag is about. A tag that is cut, as those of longer digests are, says
// too little, and counts like any other.
std::optional<oci::Digest> subject_of(std::string_view tag) {
  constexpr std::string_view kPrefix = "sha256-";
  if (!tag.starts_with(kPrefix)) return std::nullopt;
  auto digest = oci::Digest::parse("sha256:" + std::string(tag.substr(kPrefix.size())));
  return digest ? std::optional(*std::move(digest)) : std::nullopt;
}

Result<std::vector<KeptManifest>> manifests_of(db::Tx& tx, std::string_view digest) {
  struct Found {
    std::int64_t id = 0;
    std::int64_t repository_id = 0;
    std::string subject;
    KeptManifest kept;
  };
  std::vector<Found> found;
  HF_CHECK(tx.query(
      "SELECT manifests.id, repositories.id, subject, full_name, since FROM repositories "
      "JOIN manifests ON manifests.repository_id = repositories.id AND manifests.digest = $1 "
      "LEFT JOIN loose_manifests ON loose_manifests.manifest_id = manifests.id LIMIT $2",
      {digest, std::int64_t{kKeepersNamed}}, [&](const db::Row& row) -> Result<void> {
        Found one{row.integer(0), row.integer(1), row.string(2), {}};
        one.kept.repository = row.string(3);
        if (!row.is_null(4)) one.kept.loose_since = from_micros(row.integer(4));
        found.push_back(std::move(one));
        return {};
      }));
  std::vector<KeptManifest> kept;
  for (Found& one : found) {
    HF_TRY(one.kept.tags,
           strings(tx, "SELECT name FROM tags WHERE manifest_id = $1 ORDER BY name LIMIT $2",
                   {one.id, std::int64_t{kKeepersNamed}}));
    HF_TRY(one.kept.indexes,
           strings(tx,
                   "SELECT manifests.digest FROM manifest_children JOIN manifests ON "
                   "manifests.id = parent_id WHERE manifest_children.repository_id = $1 AND "
                   "manifest_children.digest = $2 LIMIT $3",
                   {one.repository_id, digest, std::int64_t{kKeepersNamed}}));
    HF_TRY(const auto subject, manifest_id(tx, one.repository_id, one.subject));
    if (subject) one.kept.subject = one.subject;
    kept.push_back(std::move(one.kept));
  }
  return kept;
}

Result<std::vector<KeptLink>> links_of(db::Tx& tx, std::int64_t blob_id) {
  std::vector<std::int64_t> repository_ids;
  std::vector<KeptLink> links;
  HF_CHECK(
      tx.query("SELECT repository_id, full_name, linked_at FROM repository_blobs "
               "JOIN repositories ON repositories.id = repository_id WHERE blob_id = $1 "
               "ORDER BY linked_at LIMIT $2",
               {blob_id, std::int64_t{kKeepersNamed}}, [&](const db::Row& row) -> Result<void> {
                 repository_ids.push_back(row.integer(0));
                 links.push_back({row.string(1), from_micros(row.integer(2)), {}});
                 return {};
               }));
  for (std::size_t i = 0; i < links.size(); ++i) {
    HF_TRY(links[i].manifests,
           strings(tx,
                   "SELECT manifests.digest FROM manifest_blobs JOIN manifests ON "
                   "manifests.id = manifest_id WHERE blob_id = $1 AND repository_id = $2 LIMIT $3",
                   {blob_id, repository_ids[i], std::int64_t{kKeepersNamed}}));
  }
  return links;
}

}  // namespace

Result<bool> has_counting_tag(db::Tx& tx, std::int64_t repository_id, std::int64_t manifest_id) {
  // More than a few tags of this kind on one manifest are no client's work: then they count.
  constexpr std::size_t kLookedAt = 8;
  HF_TRY(const Strings tags, strings(tx, "SELECT name FROM tags WHERE manifest_id = $1 LIMIT $2",
                                     {manifest_id, std::int64_t{kLookedAt}}));
  if (tags.size() == kLookedAt) return true;
  for (const std::string& tag : tags) {
    const auto subject = subject_of(tag);
    if (!subject) return true;
    HF_TRY(const auto there, repos::manifest_id(tx, repository_id, subject->text()));
    if (there) return true;
  }
  return false;
}

Result<bool> is_held(db::Tx& tx, std::int64_t repository_id, std::string_view digest,
                     std::string_view subject) {
  HF_TRY(const auto index,
         tx.find<bool>("SELECT 1 FROM manifest_children WHERE repository_id = $1 AND digest = $2 "
                       "LIMIT 1",
                       {repository_id, digest}, [](const db::Row& /*row*/) { return true; }));
  if (index) return true;
  if (subject.empty()) return false;
  HF_TRY(const auto there, manifest_id(tx, repository_id, subject));
  return there.has_value();
}

Result<Kept> what_keeps(db::Database& database, const oci::Digest& digest) {
  Kept kept;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    kept = {};
    HF_TRY(kept.manifests, manifests_of(tx, digest.text()));
    std::optional<std::int64_t> blob_id;
    HF_CHECK(tx.query("SELECT id, size FROM blobs WHERE digest = $1", {digest.text()},
                      [&](const db::Row& row) -> Result<void> {
                        blob_id = row.integer(0);
                        kept.size_bytes = row.integer(1);
                        return {};
                      }));
    if (!blob_id) return {};
    kept.is_blob = true;
    HF_TRY(kept.links, links_of(tx, *blob_id));
    HF_TRY(const auto reason,
           tx.find<std::string>("SELECT reason FROM pinned_blobs WHERE blob_id = $1", {*blob_id},
                                [](const db::Row& row) { return row.string(0); }));
    kept.pinned_for = reason.value_or("");
    return {};
  }));
  return kept;
}

Result<Waiting> waiting(db::Database& database, std::int64_t most) {
  Waiting counted;
  const auto count = [](const db::Row& row) { return row.integer(0); };
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto manifests,
           tx.find<std::int64_t>("SELECT count(*) FROM (SELECT 1 FROM loose_manifests "
                                 "WHERE held = 0 LIMIT $1) AS t",
                                 {most}, count));
    HF_TRY(const auto blobs,
           tx.find<std::int64_t>("SELECT count(*) FROM (SELECT 1 FROM loose_blobs LIMIT $1) AS t",
                                 {most}, count));
    counted = {manifests.value_or(0), blobs.value_or(0)};
    return {};
  }));
  return counted;
}

Result<std::int64_t> last_pushed(db::Database& database) {
  std::int64_t last = 0;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    return tx.query(
        "SELECT COALESCE((SELECT max(id) FROM blobs), 0) + "
        "COALESCE((SELECT max(id) FROM manifests), 0)",
        {}, [&](const db::Row& row) -> Result<void> {
          last = row.integer(0);
          return {};
        });
  }));
  return last;
}

}  // namespace holdfast::repos
