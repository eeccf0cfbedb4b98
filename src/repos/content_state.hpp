// What Content's files share.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "repos/content.hpp"

namespace holdfast::repos {

// Topics of changes; keys as State::key makes them.
inline constexpr std::string_view kChangedBlob = "blob";
inline constexpr std::string_view kChangedManifest = "manifest";
inline constexpr std::string_view kChangedTag = "tag";

struct Content::State {
  State(db::Database& database_in, const Clock& clock_in, ContentRules rules_in)
      : database(database_in),
        clock(clock_in),
        rules(rules_in),
        remembers_tags(!database_in.is_shared()) {
    const auto listen = [&](std::string_view topic, auto& cache) {
      subscriptions.push_back(
          database.subscribe(topic, [&cache](std::string_view key) { cache.drop_or_clear(key); }));
    };
    listen(kChangedBlob, blobs);
    listen(kChangedManifest, manifests);
    listen(kChangedTag, tags);
  }

  // Keys hold the repository's id, which is never used twice: what is kept of a deleted repository
  // cannot be reached any more, and ages out.
  static std::string key(std::int64_t repository_id, std::string_view name) {
    return std::to_string(repository_id) + "/" + std::string(name);
  }

  db::Database& database;
  const Clock& clock;
  const ContentRules rules;
  FillCache<std::shared_ptr<const StoredBlob>> blobs{100'000};
  FillCache<std::shared_ptr<const StoredManifest>> manifests{64UZ * 1024 * 1024};  // by bytes
  FillCache<std::string> tags{200'000};                                            // to digests
  // With other replicas a tag is one indexed read, so that it never lags behind.
  const bool remembers_tags;
  std::vector<std::shared_ptr<void>> subscriptions;

  void tag_changed(db::Tx& tx, std::int64_t repository_id, std::string_view tag) const {
    if (remembers_tags) tx.changed(kChangedTag, key(repository_id, tag));
  }
};

// The row of a manifest by digest: its id, or nothing.
Result<std::optional<std::int64_t>> manifest_id(db::Tx& tx, std::int64_t repository_id,
                                                std::string_view digest);
// An event about this repository, without its object.
events::Event event_in(const Repository& repository, events::Type type, const events::Actor& actor,
                       Timestamp now);

// A manifest that is about to go.
// A row of `blobs` for freshly stored bytes: the new one, or the one that was there.
struct BlobRow {
  std::int64_t id = 0;
  bool won = false;  // its bytes are the new ones
};
Result<BlobRow> put_blob(db::Tx& tx, const oci::Digest& digest, const blob::Committed& committed,
                         Timestamp now);

struct ManifestRow {
  std::int64_t id = 0;
  std::int64_t repository_id = 0;
  std::string digest;
};
// Removes a manifest with its tags and adds the events; `event` says who and where. What only it
// kept is loose from `since` on, its blobs' links from the event's time on.
Result<void> remove_manifest(db::Tx& tx, const Content::State& state, const ManifestRow& manifest,
                             events::Event event, Timestamp since);

// What a repository says of its tags.
struct TagRules {
  bool immutable = false;
  std::int64_t limit = 0;  // 0: none
};
// kRepositoryUnknown when it is gone.
Result<TagRules> tag_rules(db::Tx& tx, std::int64_t repository_id);

struct TagsOf {
  std::int64_t manifest_id = 0;
  const std::vector<oci::Tag>& tags;
};
// Sets tags to a manifest and deletes what is beyond the repository's limit. `event` is that of a
// push, without its tag. kTagImmutable, kTooManyTags.
Result<void> set_tags(db::Tx& tx, const Content::State& state, const Repository& repository,
                      const TagRules& rules, const TagsOf& wanted, events::Event event);

}  // namespace holdfast::repos
