// Tags that were judged some time ago: read as they are, removed only if they still are that.
#include "repos/content.hpp"
#include "repos/content_state.hpp"

namespace holdfast::repos {

Result<std::vector<TagState>> Content::tag_states(std::int64_t repository_id,
                                                  std::string_view start, std::int64_t limit) {
  std::vector<TagState> found;
  HF_CHECK(state_->database.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(
        "SELECT tags.name, tags.manifest_id, manifests.digest, tags.pushed_at FROM tags "
        "JOIN manifests ON manifests.id = tags.manifest_id "
        "WHERE tags.repository_id = $1 AND tags.name >= $2 ORDER BY tags.name LIMIT $3",
        {repository_id, start, limit}, [&](const db::Row& row) -> Result<void> {
          HF_TRY(oci::Tag tag, oci::Tag::parse(row.text(0)));
          HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(2)));
          found.push_back(
              {std::move(tag), row.integer(1), std::move(digest), from_micros(row.integer(3))});
          return {};
        });
  }));
  return found;
}

Result<std::int64_t> Content::remove_unchanged(
    const Repository& repository, std::span<const TagState> tags, const events::Actor& actor,
    const std::function<Result<void>(db::Tx&)>& condition) {
  std::int64_t removed = 0;
  HF_CHECK(state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    removed = 0;
    HF_CHECK(condition(tx));
    events::Event event =
        event_in(repository, events::Type::tag_deleted, actor, state_->clock.now());
    for (const TagState& judged : tags) {
      // A push always sets the time, so that the digest need not be compared beside it; the
      // manifest is, for pushes within one microsecond.
      HF_TRY(const std::int64_t gone,
             tx.execute("DELETE FROM tags WHERE repository_id = $1 AND name = $2 "
                        "AND manifest_id = $3 AND pushed_at = $4",
                        {repository.id, judged.tag.text(), judged.manifest_id,
                         to_micros(judged.pushed_at)}));
      if (gone == 0) continue;
      removed += gone;
      state_->tag_changed(tx, repository.id, judged.tag.text());
      event.tag = judged.tag.text();
      event.digest = judged.digest.text();
      HF_CHECK(events::append(tx, event));
    }
    return {};
  }));
  return removed;
}

}  // namespace holdfast::repos
