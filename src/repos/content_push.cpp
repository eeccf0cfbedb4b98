// Manifests pushed and removed.
#include <fmt/format.h>
#include <string_view>
#include <unordered_set>

#include "blob/digesting.hpp"
#include "repos/content.hpp"
#include "repos/content_state.hpp"
#include "repos/loosen.hpp"

namespace holdfast::repos {

namespace {

oci::Digest digest_of(std::string_view bytes, oci::Algorithm algorithm) {
  blob::Digesting digesting(algorithm);
  digesting.update(std::as_bytes(std::span(bytes)));
  return digesting.digest();
}

// A manifest may name what is not there forty thousand times over, and looking for it holds up all
// other pushes.
constexpr std::size_t kMissingAtMost = 100;

// Ids of the blobs that the manifest needs; invalid with the digests that are not in the
// repository, children of an index included unless they may be missing, the first kMissingAtMost.
Result<std::vector<std::int64_t>> check_references(db::Tx& tx, std::int64_t repository_id,
                                                   const oci::Manifest& manifest,
                                                   SparseIndexes sparse) {
  std::vector<std::int64_t> ids;
  std::vector<std::string> missing;
  for (const oci::Descriptor& descriptor : manifest.required_blobs()) {
    if (missing.size() == kMissingAtMost) break;
    HF_TRY(const auto id,
           tx.find<std::int64_t>(
               "SELECT blobs.id FROM blobs JOIN repository_blobs ON blob_id = blobs.id "
               "WHERE blobs.digest = $2 AND repository_id = $1",
               {repository_id, descriptor.digest.text()},
               [](const db::Row& row) { return row.integer(0); }));
    if (id) ids.push_back(*id);
    if (!id) missing.push_back(descriptor.digest.text());
  }
  std::unordered_set<std::string_view> seen;
  for (const oci::Descriptor& child : manifest.children) {
    if (sparse == SparseIndexes::allow || missing.size() == kMissingAtMost) break;
    if (!seen.insert(child.digest.text()).second) continue;
    HF_TRY(const auto id, manifest_id(tx, repository_id, child.digest.text()));
    if (!id) missing.push_back(child.digest.text());
  }
  if (missing.empty()) return ids;
  return fail(ErrorCode::invalid, kManifestBlobUnknown,
              "the manifest names what the repository does not hold", std::move(missing));
}

// The row of the manifest; `fresh` says whether it was not there before.
struct StoredRow {
  std::int64_t id = 0;
  bool fresh = false;
};
Result<StoredRow> store(db::Tx& tx, const Repository& repository, const oci::Manifest& manifest,
                        const oci::Digest& digest, std::string_view bytes, std::int64_t account_id,
                        Timestamp now) {
  const std::string subject = manifest.subject ? manifest.subject->digest.text() : std::string();
  HF_TRY(const std::int64_t added,
         tx.execute(
             "INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, "
             "content, pushed_by, pushed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
             "ON CONFLICT (repository_id, digest) DO NOTHING",
             {repository.id, digest.text(), manifest.media_type, manifest.effective_artifact_type(),
              subject, std::as_bytes(std::span(bytes)), account_id, to_micros(now)}));
  HF_TRY(const auto id, manifest_id(tx, repository.id, digest.text()));
  return StoredRow{id.value_or(0), added > 0};
}

}  // namespace

Result<PutResult> Content::put(const Repository& repository, const PutManifest& request,
                               const events::Actor& actor) {
  HF_TRY(const oci::Manifest manifest, oci::parse_manifest(request.bytes, request.content_type));
  const oci::Digest digest = digest_of(
      request.bytes, request.digest ? request.digest->algorithm() : oci::Algorithm::sha256);
  if (request.digest && *request.digest != digest) {
    return fail(
        ErrorCode::invalid, kManifestDigestMismatch,
        fmt::format("the manifest's digest is {}, not {}", digest.text(), request.digest->text()));
  }
  const Timestamp now = state_->clock.now();
  HF_CHECK(state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const TagRules rules, tag_rules(tx, repository.id));
    HF_TRY(const std::vector<std::int64_t> blobs,
           check_references(tx, repository.id, manifest, state_->rules.sparse));
    HF_TRY(const StoredRow row,
           store(tx, repository, manifest, digest, request.bytes, actor.account_id, now));
    events::Event event = event_in(repository, events::Type::manifest_pushed, actor, now);
    event.digest = digest.text();
    event.media_type = manifest.media_type;
    if (row.fresh) {
      for (const std::int64_t blob_id : blobs) {
        HF_CHECK(tx.execute("INSERT INTO manifest_blobs (manifest_id, blob_id) VALUES ($1, $2)",
                            {row.id, blob_id}));
      }
      HF_CHECK(keep_children(tx, repository.id, row.id, manifest));
      HF_CHECK(events::append(tx, event));
    }
    if (request.tags.empty()) HF_CHECK(loosen_manifest(tx, row.id, now));
    event.type = events::Type::tag_pushed;
    return set_tags(tx, *state_, repository, rules, {row.id, request.tags}, event);
  }));
  PutResult result{digest, std::nullopt};
  if (manifest.subject) result.subject = manifest.subject->digest;
  return result;
}

Result<void> remove_manifest(db::Tx& tx, const Content::State& state, const ManifestRow& manifest,
                             events::Event event, Timestamp since) {
  std::vector<std::string> tags;
  HF_CHECK(tx.query("SELECT name FROM tags WHERE manifest_id = $1", {manifest.id},
                    [&](const db::Row& row) -> Result<void> {
                      tags.push_back(row.string(0));
                      return {};
                    }));
  HF_CHECK(loosen_what_it_keeps(tx, manifest, since));
  HF_TRY(const std::vector<std::string> blobs, loosen_links_of(tx, manifest, event.at));
  for (const std::string& blob : blobs) {
    tx.changed(kChangedBlob, Content::State::key(manifest.repository_id, blob));
  }
  HF_CHECK(tx.execute("DELETE FROM manifests WHERE id = $1", {manifest.id}));
  tx.changed(kChangedManifest, Content::State::key(manifest.repository_id, manifest.digest));
  event.digest = manifest.digest;
  event.type = events::Type::tag_deleted;
  for (const std::string& tag : tags) {
    state.tag_changed(tx, manifest.repository_id, tag);
    event.tag = tag;
    HF_CHECK(events::append(tx, event));
  }
  event.tag.clear();
  event.type = events::Type::manifest_deleted;
  return events::append(tx, event);
}

Result<void> Content::remove(const Repository& repository, const Reference& reference,
                             const events::Actor& actor) {
  const auto* by_tag = std::get_if<oci::Tag>(&reference);
  return state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    const auto unknown = [&] {
      return fail(ErrorCode::not_found, kManifestUnknown, "there is no such manifest here");
    };
    events::Event event =
        event_in(repository, events::Type::tag_deleted, actor, state_->clock.now());
    if (by_tag != nullptr) {
      HF_TRY(const auto found,
             tx.find<ManifestRow>("SELECT manifests.id, manifests.digest FROM tags JOIN manifests "
                                  "ON manifests.id = manifest_id "
                                  "WHERE tags.repository_id = $1 AND name = $2",
                                  {repository.id, by_tag->text()}, [](const db::Row& row) {
                                    return ManifestRow{row.integer(0), 0, row.string(1)};
                                  }));
      if (!found) return unknown();
      HF_CHECK(tx.execute("DELETE FROM tags WHERE repository_id = $1 AND name = $2",
                          {repository.id, by_tag->text()}));
      state_->tag_changed(tx, repository.id, by_tag->text());
      event.tag = by_tag->text();
      HF_CHECK(loosen_manifest(tx, found->id, event.at));
      event.digest = found->digest;
      return events::append(tx, event);
    }
    const std::string digest = std::get<oci::Digest>(reference).text();
    HF_TRY(const auto id, manifest_id(tx, repository.id, digest));
    if (!id) return unknown();
    return remove_manifest(tx, *state_, {*id, repository.id, digest}, event, event.at);
  });
}

}  // namespace holdfast::repos
