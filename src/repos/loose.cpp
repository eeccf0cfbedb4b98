#include "repos/loose.hpp"

#include <fmt/format.h>

#include "repos/content_state.hpp"
#include "repos/kept.hpp"
#include "repos/loosen.hpp"

namespace holdfast::repos {

namespace {

// A manifest that the search came by.
struct Seen {
  ManifestRow row;
  bool loose = false;
  std::optional<oci::Manifest> index;
};

// A stranger's index that is not understood names nothing.
std::optional<oci::Manifest> index_of(const db::Row& row) {
  if (row.is_null(4)) return std::nullopt;
  const auto bytes = row.bytes(4);
  auto parsed =
      oci::parse_manifest({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, row.text(3));
  return parsed ? std::optional(*std::move(parsed)) : std::nullopt;
}

Result<void> note(db::Tx& tx, const Seen& seen, Timestamp now) {
  HF_TRY(const auto id, manifest_id(tx, seen.row.repository_id, seen.row.digest));
  if (id != seen.row.id) return {};  // deleted since it was read
  if (seen.index) HF_CHECK(keep_children(tx, seen.row.repository_id, seen.row.id, *seen.index));
  if (!seen.loose) return {};
  HF_CHECK(
      tx.execute("INSERT INTO loose_manifests (manifest_id, since, held) VALUES ($1, $2, 0) "
                 "ON CONFLICT (manifest_id) DO NOTHING",
                 {seen.row.id, to_micros(now)}));
  return {};
}

struct Candidate {
  ManifestRow row;
  std::string subject;
  std::string repository;
  Timestamp since;
};

Result<std::vector<Candidate>> candidates(db::Tx& tx, Timestamp until, int limit) {
  std::vector<Candidate> found;
  HF_CHECK(tx.query(
      "SELECT manifests.id, manifests.repository_id, manifests.digest, subject, full_name, since "
      "FROM loose_manifests JOIN manifests ON manifests.id = loose_manifests.manifest_id "
      "JOIN repositories ON repositories.id = manifests.repository_id "
      "WHERE held = 0 AND since <= $1 ORDER BY since, loose_manifests.manifest_id LIMIT $2",
      {to_micros(until), std::int64_t{limit}}, [&](const db::Row& row) -> Result<void> {
        found.push_back({{row.integer(0), row.integer(1), row.string(2)},
                         row.string(3),
                         row.string(4),
                         from_micros(row.integer(5))});
        return {};
      }));
  return found;
}

// Whether the candidate went. One that a tag keeps is noted again when it loses it; one that
// another manifest keeps waits for that with its own time.
Result<bool> settle(db::Tx& tx, const Content::State& state, const Candidate& candidate,
                    const events::Event& event) {
  const ManifestRow& row = candidate.row;
  HF_TRY(const bool tagged, has_counting_tag(tx, row.repository_id, row.id));
  if (tagged) {
    HF_CHECK(tx.execute("DELETE FROM loose_manifests WHERE manifest_id = $1", {row.id}));
    return false;
  }
  HF_TRY(const bool held, is_held(tx, row.repository_id, row.digest, candidate.subject));
  if (held) {
    HF_CHECK(tx.execute("UPDATE loose_manifests SET held = 1 WHERE manifest_id = $1", {row.id}));
    return false;
  }
  HF_CHECK(remove_manifest(tx, state, row, event, candidate.since));
  return true;
}

// What keeps a link.
constexpr std::string_view kUnnamed =
    "NOT EXISTS (SELECT 1 FROM manifest_blobs JOIN manifests ON manifests.id = manifest_id WHERE "
    "manifest_blobs.blob_id = repository_blobs.blob_id AND "
    "manifests.repository_id = repository_blobs.repository_id)";

struct Link {
  std::int64_t repository_id = 0;
  std::int64_t blob_id = 0;
  std::string digest;
};

// Whether it went. By its key: a range would meet every push on an engine that compares what was
// read.
Result<bool> unlink(db::Tx& tx, const Link& link, Timestamp until) {
  static const std::string sql = fmt::format(
      "DELETE FROM repository_blobs WHERE repository_id = $1 AND blob_id = $2 AND "
      "linked_at <= $3 AND {}",
      kUnnamed);
  HF_TRY(const std::int64_t gone,
         tx.execute(sql, {link.repository_id, link.blob_id, to_micros(until)}));
  if (gone == 0) return false;
  HF_CHECK(loosen_blob(tx, link.blob_id));
  tx.changed(kChangedBlob, Content::State::key(link.repository_id, link.digest));
  return true;
}

// How many rows a page has, and the last of its keys. `sql` gives the keys in order.
Result<Loose::Page> page_of(db::Tx& tx, std::string_view sql, std::initializer_list<db::Value> at) {
  Loose::Page page;
  HF_CHECK(tx.query(sql, at, [&](const db::Row& row) -> Result<void> {
    ++page.looked_at;
    page.last = row.integer(0);
    return {};
  }));
  return page;
}

}  // namespace

Result<Loose::Page> Loose::search_manifests(std::int64_t after, int limit, Timestamp now) {
  static const std::string sql = fmt::format(
      "SELECT id, repository_id, digest, media_type, CASE WHEN media_type IN ('{}', '{}') THEN "
      "content END, NOT EXISTS (SELECT 1 FROM tags WHERE manifest_id = manifests.id AND "
      "NOT (name >= 'sha256-' AND name < 'sha256.')) AND NOT EXISTS (SELECT 1 FROM "
      "loose_manifests WHERE manifest_id = manifests.id) FROM manifests WHERE id > $1 "
      "ORDER BY id LIMIT $2",
      oci::kOciIndex, oci::kDockerManifestList);
  Page page;
  std::vector<Seen> seen;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    page = {};
    seen.clear();
    return tx.query(sql, {after, std::int64_t{limit}}, [&](const db::Row& row) -> Result<void> {
      ++page.looked_at;
      page.last = row.integer(0);
      Seen one{{row.integer(0), row.integer(1), row.string(2)}, row.boolean(5), index_of(row)};
      if (one.loose || one.index) seen.push_back(std::move(one));
      return {};
    });
  }));
  if (seen.empty()) return page;
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    for (const Seen& one : seen) HF_CHECK(note(tx, one, now));
    return {};
  }));
  return page;
}

Result<Loose::Page> Loose::remove_manifests(Timestamp until, int limit,
                                            const events::Actor& actor) {
  Page page;
  // Most of the time there is nothing, and no reason to keep a push waiting.
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(page, page_of(tx, "SELECT 1 FROM loose_manifests WHERE held = 0 AND since <= $1 LIMIT 1",
                         {to_micros(until)}));
    return {};
  }));
  if (page.looked_at == 0) return page;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    page = {};
    HF_TRY(const std::vector<Candidate> found, candidates(tx, until, limit));
    page.looked_at = std::ssize(found);
    events::Event event;
    event.at = state_->clock.now();
    event.actor = actor;
    for (const Candidate& candidate : found) {
      event.repository = candidate.repository;
      HF_TRY(const bool gone, settle(tx, *state_, candidate, event));
      page.removed += gone ? 1 : 0;
    }
    return {};
  }));
  return page;
}

Result<Loose::Page> Loose::remove_links(std::int64_t after, Timestamp until, int limit) {
  static const std::string sql = fmt::format(
      "SELECT repository_id, blob_id, (SELECT digest FROM blobs WHERE blobs.id = "
      "repository_blobs.blob_id) FROM repository_blobs WHERE linked_at > $1 AND linked_at <= $2 "
      "AND {}",
      kUnnamed);
  Page page;
  std::vector<Link> unnamed;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    unnamed.clear();
    HF_TRY(page, page_of(tx,
                         "SELECT linked_at FROM repository_blobs WHERE linked_at > $1 AND "
                         "linked_at <= $2 ORDER BY linked_at LIMIT $3",
                         {after, to_micros(until), std::int64_t{limit}}));
    if (page.looked_at == 0) page.last = after;
    return tx.query(sql, {after, page.last}, [&](const db::Row& row) -> Result<void> {
      unnamed.push_back({row.integer(0), row.integer(1), row.string(2)});
      return {};
    });
  }));
  if (unnamed.empty()) return page;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    page.removed = 0;
    for (const Link& link : unnamed) {
      HF_TRY(const bool gone, unlink(tx, link, until));
      page.removed += gone ? 1 : 0;
    }
    return {};
  }));
  return page;
}

Result<Loose::Page> Loose::search_blobs(std::int64_t after, int limit) {
  constexpr std::string_view kNoted =
      "FROM blobs WHERE id > $1 AND id <= $2 AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE "
      "blob_id = blobs.id) AND NOT EXISTS (SELECT 1 FROM pinned_blobs WHERE blob_id = blobs.id)";
  static const std::string any = fmt::format("SELECT 1 {} LIMIT 1", kNoted);
  static const std::string insert = fmt::format(
      "INSERT INTO loose_blobs (blob_id) SELECT id {} ON CONFLICT (blob_id) DO NOTHING", kNoted);
  Page page;
  bool found = false;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(page, page_of(tx, "SELECT id FROM blobs WHERE id > $1 ORDER BY id LIMIT $2",
                         {after, std::int64_t{limit}}));
    HF_TRY(const Page unlinked, page_of(tx, any, {after, page.last}));
    found = unlinked.looked_at > 0;
    return {};
  }));
  if (!found) return page;
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute(insert, {after, page.last}));
    return {};
  }));
  return page;
}

Result<Loose::Page> Loose::remove_blobs(int limit, std::vector<RemovedBlob>& removed) {
  Page page;
  std::vector<std::int64_t> ids;
  removed.clear();
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    ids.clear();
    return tx.query("SELECT blob_id FROM loose_blobs ORDER BY blob_id LIMIT $1",
                    {std::int64_t{limit}}, [&](const db::Row& row) -> Result<void> {
                      ids.push_back(row.integer(0));
                      return {};
                    });
  }));
  if (ids.empty()) return page;
  page.looked_at = std::ssize(ids);
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    removed.clear();
    for (const std::int64_t id : ids) {
      HF_CHECK(
          tx.query("DELETE FROM blobs WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM "
                   "repository_blobs WHERE repository_blobs.blob_id = blobs.id) AND NOT EXISTS "
                   "(SELECT 1 FROM manifest_blobs WHERE manifest_blobs.blob_id = blobs.id) AND "
                   "NOT EXISTS (SELECT 1 FROM pinned_blobs WHERE pinned_blobs.blob_id = blobs.id) "
                   "RETURNING key, size",
                   {id}, [&](const db::Row& row) -> Result<void> {
                     removed.push_back({blob::BlobKey{row.string(0)}, row.integer(1)});
                     return {};
                   }));
      HF_CHECK(tx.execute("DELETE FROM loose_blobs WHERE blob_id = $1", {id}));
    }
    return {};
  }));
  page.removed = std::ssize(removed);
  return page;
}

Result<std::vector<blob::ListedBlob>> Loose::without_row(std::span<const blob::ListedBlob> stored) {
  std::vector<blob::ListedBlob> unknown;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    unknown.clear();
    for (const blob::ListedBlob& one : stored) {
      HF_TRY(const auto key,
             tx.find<std::string>("SELECT key FROM blobs WHERE digest = $1", {one.digest.text()},
                                  [](const db::Row& row) { return row.string(0); }));
      if (key != one.key.value) unknown.push_back(one);
    }
    return {};
  }));
  return unknown;
}

}  // namespace holdfast::repos
