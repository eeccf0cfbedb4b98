// The referrers of a subject (distribution-spec 1.1): manifests that name it, and what clients
// without that API keep in an index under the fallback tag.
#include <map>

#include "repos/content.hpp"
#include "repos/content_state.hpp"

namespace holdfast::repos {

namespace {

constexpr std::string_view kColumns = "digest, media_type, content";

// The descriptor of a stored manifest, if its artifact type is wanted.
Result<void> add(std::map<std::string, std::string>& found, const db::Row& row,
                 std::string_view artifact_type) {
  const auto bytes = row.bytes(2);
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  HF_TRY(const oci::Digest digest, oci::Digest::parse(row.text(0)));
  HF_TRY(const oci::Manifest manifest, oci::parse_manifest(content, row.text(1)));
  if (!artifact_type.empty() && manifest.effective_artifact_type() != artifact_type) return {};
  found[digest.text()] = oci::referrer_descriptor(manifest, digest, content.size());
  return {};
}

// Digests that the fallback tag's index names behind `after`.
Result<std::vector<std::string>> fallback_children(db::Tx& tx, std::int64_t repository_id,
                                                   const oci::Digest& subject,
                                                   std::string_view after) {
  std::vector<std::string> digests;
  HF_CHECK(tx.query(
      "SELECT manifests.media_type, manifests.content FROM tags "
      "JOIN manifests ON manifests.id = manifest_id "
      "WHERE tags.repository_id = $1 AND name = $2",
      {repository_id, oci::fallback_tag(subject)}, [&](const db::Row& row) -> Result<void> {
        const auto bytes = row.bytes(1);
        HF_TRY(const oci::Manifest index,
               oci::parse_manifest({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                   row.text(0)));
        for (const oci::Descriptor& child : index.children) {
          if (child.digest.text() > after) digests.push_back(child.digest.text());
        }
        return {};
      }));
  return digests;
}

}  // namespace

Result<Page<Content::Referrer>> Content::referrers(std::int64_t repository_id,
                                                   const oci::Digest& subject,
                                                   std::string_view artifact_type,
                                                   std::string_view after, int limit) {
  static const std::string by_subject =
      "SELECT " + std::string(kColumns) +
      " FROM manifests WHERE repository_id = $1 AND subject = $2 AND digest > $3 "
      "AND ($4 = '' OR artifact_type = $4) ORDER BY digest LIMIT $5";
  static const std::string by_digest = "SELECT " + std::string(kColumns) +
                                       " FROM manifests WHERE repository_id = $1 AND digest = $2";
  std::map<std::string, std::string> found;
  HF_CHECK(state_->database.read([&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.query(
        by_subject, {repository_id, subject.text(), after, artifact_type, std::int64_t{limit} + 1},
        [&](const db::Row& row) { return add(found, row, artifact_type); }));
    HF_TRY(const std::vector<std::string> children,
           fallback_children(tx, repository_id, subject, after));
    for (const std::string& digest : children) {
      if (found.contains(digest)) continue;
      HF_CHECK(tx.query(by_digest, {repository_id, digest},
                        [&](const db::Row& row) { return add(found, row, artifact_type); }));
    }
    return {};
  }));
  Page<Referrer> page;
  for (auto& [digest, descriptor] : found) {
    page.more = page.items.size() == static_cast<std::size_t>(limit);
    if (page.more) break;
    page.items.push_back({digest, std::move(descriptor)});
  }
  return page;
}

}  // namespace holdfast::repos
