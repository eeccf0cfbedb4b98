// Reading what a repository holds: references, manifests, tags.
#include "repos/content.hpp"

#include <fmt/format.h>

#include "repos/content_state.hpp"

namespace holdfast::repos {

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error unknown_manifest(std::string_view reference) {
  return fail(ErrorCode::not_found, kManifestUnknown,
              fmt::format("there is no manifest {} here", reference));
}

}  // namespace

Result<Reference> parse_reference(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    HF_TRY(oci::Digest digest, oci::Digest::parse(text));
    return Reference(std::move(digest));
  }
  HF_TRY(oci::Tag tag, oci::Tag::parse(text));
  return Reference(std::move(tag));
}

Result<std::optional<std::int64_t>> manifest_id(db::Tx& tx, std::int64_t repository_id,
                                                std::string_view digest) {
  return tx.find<std::int64_t>("SELECT id FROM manifests WHERE repository_id = $1 AND digest = $2",
                               {repository_id, digest},
                               [](const db::Row& row) { return row.integer(0); });
}

events::Event event_in(const Repository& repository, events::Type type, const events::Actor& actor,
                       Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.repository = repository.name.text();
  return event;
}

Content::Content(db::Database& database, const Clock& clock, ContentRules rules)
    : state_(std::make_shared<State>(database, clock, rules)) {}

std::shared_ptr<const StoredManifest> Content::cached_manifest(std::int64_t repository_id,
                                                               std::string_view reference) {
  std::string key = State::key(repository_id, reference);
  if (reference.find(':') == std::string_view::npos) {
    const auto digest = state_->tags.find(key);
    if (!digest) return nullptr;
    key = State::key(repository_id, *digest);
  }
  return state_->manifests.find(key).value_or(nullptr);
}

Result<oci::Digest> Content::tag_digest(std::int64_t repository_id, const oci::Tag& tag) {
  const std::string key = State::key(repository_id, tag.text());
  if (const auto known = state_->tags.find(key)) return oci::Digest::parse(*known);
  const auto ticket = state_->tags.ticket(key);
  std::optional<std::string> found;
  HF_CHECK(state_->database.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<std::string>("SELECT manifests.digest FROM tags "
                                       "JOIN manifests ON manifests.id = tags.manifest_id "
                                       "WHERE tags.repository_id = $1 AND tags.name = $2",
                                       {repository_id, tag.text()},
                                       [](const db::Row& row) { return row.string(0); }));
    return {};
  }));
  if (!found) return unknown_manifest(tag.text());
  if (state_->remembers_tags) state_->tags.insert(ticket, key, *found);
  return oci::Digest::parse(*found);
}

Result<std::shared_ptr<const StoredManifest>> Content::manifest(std::int64_t repository_id,
                                                                const Reference& reference) {
  if (const auto* tag = std::get_if<oci::Tag>(&reference)) {
    HF_TRY(oci::Digest digest, tag_digest(repository_id, *tag));
    return manifest(repository_id, Reference(std::move(digest)));
  }
  const auto& digest = std::get<oci::Digest>(reference);
  const std::string key = State::key(repository_id, digest.text());
  if (auto known = state_->manifests.find(key)) return *std::move(known);
  const auto ticket = state_->manifests.ticket(key);
  std::shared_ptr<const StoredManifest> found;
  HF_CHECK(state_->database.read([&](db::Tx& tx) {
    return tx.query(
        "SELECT media_type, content FROM manifests WHERE repository_id = $1 AND digest = $2",
        {repository_id, digest.text()}, [&](const db::Row& row) -> Result<void> {
          found = std::make_shared<const StoredManifest>(
              digest, row.string(0), std::make_shared<const std::string>(text_of(row.bytes(1))));
          return {};
        });
  }));
  if (!found) return unknown_manifest(digest.text());
  state_->manifests.insert(ticket, key, found, found->bytes->size() + 512);
  return found;
}

bool Content::is_promised(const StoredManifest& stored) const {
  // What loses its last tag after a promise has a grace that begins later than that.
  return state_->clock.now() - stored.promised_at->load() < kPromiseAgain;
}

Result<void> Content::keep_for_push(std::int64_t repository_id, const StoredManifest& stored) {
  const Timestamp now = state_->clock.now();
  HF_CHECK(state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto id, manifest_id(tx, repository_id, stored.digest.text()));
    if (!id) return unknown_manifest(stored.digest.text());
    HF_CHECK(
        tx.execute("UPDATE loose_manifests SET since = $2 WHERE manifest_id = $1 AND since < $2",
                   {*id, to_micros(now)}));
    return {};
  }));
  stored.promised_at->store(now);
  return {};
}

Result<Page<std::string>> Content::tags(std::int64_t repository_id, std::string_view after,
                                        int limit) {
  Page<std::string> page;
  if (limit <= 0) return page;
  HF_CHECK(state_->database.read([&](db::Tx& tx) {
    return tx.query(
        "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3",
        {repository_id, after, std::int64_t{limit} + 1}, [&](const db::Row& row) -> Result<void> {
          page.items.push_back(row.string(0));
          return {};
        });
  }));
  page.more = page.items.size() > static_cast<std::size_t>(limit);
  if (page.more) page.items.pop_back();
  return page;
}

}  // namespace holdfast::repos
