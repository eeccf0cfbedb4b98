// Blobs of a repository: found, linked, mounted, unlinked.
#include <fmt/format.h>

#include "repos/content.hpp"
#include "repos/content_state.hpp"
#include "repos/loosen.hpp"
#include "repos/repository_rows.hpp"

namespace holdfast::repos {

namespace {

Error unknown_blob(const oci::Digest& digest) {
  return fail(ErrorCode::not_found, kBlobUnknown,
              fmt::format("there is no blob {} here", digest.text()));
}

// The id of a blob that is linked to the repository.
Result<std::int64_t> linked_blob(db::Tx& tx, std::int64_t repository_id,
                                 const oci::Digest& digest) {
  HF_TRY(const auto id,
         tx.find<std::int64_t>(
             "SELECT blobs.id FROM blobs JOIN repository_blobs ON blob_id = blobs.id "
             "WHERE blobs.digest = $2 AND repository_id = $1",
             {repository_id, digest.text()}, [](const db::Row& row) { return row.integer(0); }));
  if (!id) return unknown_blob(digest);
  return *id;
}

// conflict, or the repository is gone: the foreign key says so.
Result<void> link(db::Tx& tx, std::int64_t repository_id, std::int64_t blob_id, Timestamp now) {
  const auto linked = tx.execute(
      "INSERT INTO repository_blobs (repository_id, blob_id, linked_at) VALUES ($1, $2, $3) "
      // Told again that it is there: the time to name it in a manifest begins anew.
      "ON CONFLICT (repository_id, blob_id) DO UPDATE SET linked_at = excluded.linked_at",
      {repository_id, blob_id, to_micros(now)});
  if (linked) return {};
  if (linked.error().reason != db::kConstraint) return linked.error();
  return fail(ErrorCode::not_found, kRepositoryUnknown, "the repository was deleted meanwhile");
}

}  // namespace

std::shared_ptr<const StoredBlob> Content::cached_blob(std::int64_t repository_id,
                                                       const oci::Digest& digest) {
  return state_->blobs.find(State::key(repository_id, digest.text())).value_or(nullptr);
}

Result<std::shared_ptr<const StoredBlob>> Content::blob(std::int64_t repository_id,
                                                        const oci::Digest& digest) {
  if (auto known = cached_blob(repository_id, digest)) return known;
  const std::string key = State::key(repository_id, digest.text());
  const auto ticket = state_->blobs.ticket(key);
  std::optional<StoredBlob> found;
  HF_CHECK(state_->database.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<StoredBlob>(
                      "SELECT blobs.key, blobs.size, linked_at, EXISTS (SELECT 1 FROM "
                      "manifest_blobs JOIN manifests ON manifests.id = manifest_id WHERE "
                      "manifest_blobs.blob_id = blobs.id AND manifests.repository_id = $1) "
                      "FROM blobs JOIN repository_blobs ON repository_blobs.blob_id = blobs.id "
                      "WHERE blobs.digest = $2 AND repository_blobs.repository_id = $1",
                      {repository_id, digest.text()}, [&](const db::Row& row) {
                        return StoredBlob{digest, blob::BlobKey{row.string(0)},
                                          static_cast<std::uint64_t>(row.integer(1)),
                                          row.boolean(3)
                                              ? std::nullopt
                                              : std::optional(from_micros(row.integer(2)))};
                      }));
    return {};
  }));
  if (!found) return unknown_blob(digest);
  auto stored = std::make_shared<const StoredBlob>(*std::move(found));
  state_->blobs.insert(ticket, key, stored);
  return stored;
}

Result<void> Content::keep_for_push(std::int64_t repository_id, const StoredBlob& stored) {
  const Timestamp now = state_->clock.now();
  // Promised a moment ago: not every question writes.
  if (!stored.unnamed_since || now - *stored.unnamed_since < kPromiseAgain) return {};
  return state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t kept,
           tx.execute("UPDATE repository_blobs SET linked_at = $3 WHERE repository_id = $1 AND "
                      "blob_id = (SELECT id FROM blobs WHERE digest = $2)",
                      {repository_id, stored.digest.text(), to_micros(now)}));
    if (kept == 0) return unknown_blob(stored.digest);
    tx.changed(kChangedBlob, State::key(repository_id, stored.digest.text()));
    return {};
  });
}

Result<void> Content::mount(const Repository& from, const Repository& into,
                            const oci::Digest& digest) {
  return state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t id, linked_blob(tx, from.id, digest));
    return link(tx, into.id, id, state_->clock.now());
  });
}

Result<std::vector<Repository>> Content::holders(const oci::Digest& digest, int limit) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM blobs JOIN repository_blobs ON blob_id = blobs.id "
      "JOIN repositories ON repositories.id = repository_id "
      "WHERE blobs.digest = $1 ORDER BY linked_at LIMIT $2",
      kRepositoryColumns);
  std::vector<Repository> found;
  HF_CHECK(state_->database.read([&](db::Tx& tx) {
    found.clear();
    return tx.query(sql, {digest.text(), std::int64_t{limit}},
                    [&](const db::Row& row) -> Result<void> {
                      HF_TRY(Repository repository, repository_of(row));
                      found.push_back(std::move(repository));
                      return {};
                    });
  }));
  return found;
}

Result<void> Content::remove_blob(const Repository& repository, const oci::Digest& digest,
                                  const events::Actor& actor) {
  HF_CHECK(state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t id, linked_blob(tx, repository.id, digest));
    std::vector<std::string> users;
    HF_CHECK(
        tx.query("SELECT manifests.digest FROM manifest_blobs "
                 "JOIN manifests ON manifests.id = manifest_id "
                 "WHERE blob_id = $1 AND manifests.repository_id = $2 LIMIT 10",
                 {id, repository.id}, [&](const db::Row& row) -> Result<void> {
                   users.push_back(row.string(0));
                   return {};
                 }));
    if (!users.empty()) {
      return fail(ErrorCode::conflict, kBlobInUse,
                  "manifests of this repository need the blob: delete them first",
                  std::move(users));
    }
    HF_CHECK(tx.execute("DELETE FROM repository_blobs WHERE repository_id = $1 AND blob_id = $2",
                        {repository.id, id}));
    HF_CHECK(loosen_blob(tx, id));
    tx.changed(kChangedBlob, State::key(repository.id, digest.text()));
    events::Event event =
        event_in(repository, events::Type::blob_deleted, actor, state_->clock.now());
    event.digest = digest.text();
    return events::append(tx, event);
  }));
  return {};
}

Result<BlobRow> put_blob(db::Tx& tx, const oci::Digest& digest, const blob::Committed& committed,
                         Timestamp now) {
  HF_CHECK(
      tx.execute("INSERT INTO blobs (digest, key, size, created_at) VALUES ($1, $2, $3, $4) "
                 "ON CONFLICT (digest) DO NOTHING",
                 {digest.text(), committed.key.value,
                  static_cast<std::int64_t>(committed.size_bytes), to_micros(now)}));
  BlobRow put;
  HF_CHECK(tx.query("SELECT id, key FROM blobs WHERE digest = $1", {digest.text()},
                    [&](const db::Row& row) -> Result<void> {
                      put = {row.integer(0), row.text(1) == committed.key.value};
                      return {};
                    }));
  return put;
}

Result<std::optional<blob::BlobKey>> Content::link_blob(db::Tx& tx, std::int64_t repository_id,
                                                        const oci::Digest& digest,
                                                        const blob::Committed& committed,
                                                        Timestamp now) {
  HF_TRY(const BlobRow row, put_blob(tx, digest, committed, now));
  HF_CHECK(link(tx, repository_id, row.id, now));
  return row.won ? std::optional<blob::BlobKey>() : committed.key;
}

}  // namespace holdfast::repos
