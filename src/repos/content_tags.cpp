// Tags set by a push, within the rules of the repository.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#include "repos/content_state.hpp"
#include "repos/loosen.hpp"

namespace holdfast::repos {

namespace {

// The manifest that a tag is on now; 0: there is no such tag.
Result<std::int64_t> tagged(db::Tx& tx, std::int64_t repository_id, const oci::Tag& tag) {
  HF_TRY(const auto found,
         tx.find<std::int64_t>(
             "SELECT manifest_id FROM tags WHERE repository_id = $1 AND name = $2",
             {repository_id, tag.text()}, [](const db::Row& row) { return row.integer(0); }));
  return found.value_or(0);
}

// The server's limit refuses new tags; what is there already can be moved.
Result<void> check_room(db::Tx& tx, std::int64_t repository_id, std::int64_t fresh,
                        std::int64_t limit) {
  if (limit == 0 || fresh == 0) return {};
  HF_TRY(const auto held,
         tx.find<std::int64_t>(
             "SELECT count(*) FROM (SELECT 1 FROM tags WHERE repository_id = $1 LIMIT $2) AS t",
             {repository_id, limit}, [](const db::Row& row) { return row.integer(0); }));
  if (held.value_or(0) + fresh <= limit) return {};
  return fail(
      ErrorCode::quota, kTooManyTags,
      fmt::format("the repository has its {} tags: delete some, or move an existing one", limit));
}

// How many tags too many the repository has for its own limit, which companions do not count for.
// Counted in an index, and most of the time that is all.
Result<std::int64_t> excess_in(db::Tx& tx, std::int64_t repository_id, std::int64_t limit) {
  HF_TRY(const auto held,
         tx.find<std::int64_t>("SELECT count(*) FROM tags WHERE repository_id = $1",
                               {repository_id}, [](const db::Row& row) { return row.integer(0); }));
  std::int64_t excess = held.value_or(0) - limit;
  if (excess <= 0) return excess;
  HF_CHECK(tx.query(
      "SELECT name FROM tags WHERE repository_id = $1 AND name >= 'sha256-' AND name < 'sha512.'",
      {repository_id}, [&](const db::Row& row) -> Result<void> {
        HF_TRY(const oci::Tag tag, oci::Tag::parse(row.text(0)));
        if (tag.is_companion()) --excess;
        return {};
      }));
  return excess;
}

struct Held {
  oci::Tag tag;
  std::string digest;
  std::int64_t manifest_id = 0;
  std::int64_t pushed_at = 0;
};

// A step of the oldest tags, those behind `last` if there is one.
Result<std::vector<Held>> oldest(db::Tx& tx, std::int64_t repository_id,
                                 const std::optional<Held>& last) {
  constexpr std::int64_t kStep = 100;
  std::vector<Held> held;
  HF_CHECK(
      tx.query("SELECT tags.name, manifests.digest, manifests.id, tags.pushed_at FROM tags "
               "JOIN manifests ON manifests.id = tags.manifest_id "
               "WHERE tags.repository_id = $1 AND (tags.pushed_at, tags.name) > ($2, $3) "
               "ORDER BY tags.pushed_at, tags.name LIMIT $4",
               {repository_id, last ? last->pushed_at : std::int64_t{-1},
                last ? last->tag.text() : "", kStep},
               [&](const db::Row& row) -> Result<void> {
                 HF_TRY(oci::Tag tag, oci::Tag::parse(row.text(0)));
                 held.push_back({std::move(tag), row.string(1), row.integer(2), row.integer(3)});
                 return {};
               }));
  return held;
}

// The oldest tags beyond the repository's own limit go, never those that were just set.
Result<void> evict(db::Tx& tx, const Content::State& state, const Repository& repository,
                   std::int64_t limit, const std::vector<oci::Tag>& just_set, events::Event event) {
  event.type = events::Type::tag_deleted;
  event.media_type.clear();
  event.detail = "tag limit";
  std::optional<Held> last;
  HF_TRY(std::int64_t excess, excess_in(tx, repository.id, limit));
  while (excess > 0) {
    HF_TRY(const std::vector<Held> step, oldest(tx, repository.id, last));
    if (step.empty()) return {};
    last = step.back();
    for (const Held& held : step) {
      if (excess <= 0) break;
      if (held.tag.is_companion() || std::ranges::find(just_set, held.tag) != just_set.end()) {
        continue;
      }
      HF_CHECK(tx.execute("DELETE FROM tags WHERE repository_id = $1 AND name = $2",
                          {repository.id, held.tag.text()}));
      HF_CHECK(loosen_manifest(tx, held.manifest_id, event.at));
      state.tag_changed(tx, repository.id, held.tag.text());
      event.tag = held.tag.text();
      event.digest = held.digest;
      HF_CHECK(events::append(tx, event));
      --excess;
    }
  }
  return {};
}

}  // namespace

Result<TagRules> tag_rules(db::Tx& tx, std::int64_t repository_id) {
  HF_TRY(const auto found,
         tx.find<TagRules>(
             "SELECT immutable_tags, tag_limit FROM repositories WHERE id = $1", {repository_id},
             [](const db::Row& row) { return TagRules{row.boolean(0), row.integer(1)}; }));
  if (found) return *found;
  return fail(ErrorCode::not_found, kRepositoryUnknown, "the repository was deleted meanwhile");
}

Result<void> set_tags(db::Tx& tx, const Content::State& state, const Repository& repository,
                      const TagRules& rules, const TagsOf& wanted, events::Event event) {
  std::int64_t fresh = 0;
  std::vector<std::int64_t> left;  // manifests that lose a tag
  bool counts = false;  // whether a fresh one is of those that the repository's limit is about
  for (const oci::Tag& tag : wanted.tags) {
    HF_TRY(const std::int64_t now_on, tagged(tx, repository.id, tag));
    if (now_on == 0) {
      ++fresh;
      counts = counts || !tag.is_companion();
    } else if (rules.immutable && now_on != wanted.manifest_id && !tag.is_companion()) {
      return fail(ErrorCode::conflict, kTagImmutable,
                  fmt::format("tag {} cannot be overwritten: {} is an immutable repository",
                              tag.text(), repository.name.text()));
    }
    if (now_on != 0 && now_on != wanted.manifest_id) left.push_back(now_on);
  }
  HF_CHECK(check_room(tx, repository.id, fresh, state.rules.tags));
  for (const oci::Tag& tag : wanted.tags) {
    HF_CHECK(tx.execute(
        "INSERT INTO tags (repository_id, name, manifest_id, pushed_by, pushed_at, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (repository_id, name) "
        "DO UPDATE SET manifest_id = $3, pushed_by = $4, pushed_at = $5",
        {repository.id, tag.text(), wanted.manifest_id, event.actor.account_id,
         to_micros(event.at)}));
    state.tag_changed(tx, repository.id, tag.text());
    event.tag = tag.text();
    HF_CHECK(events::append(tx, event));
  }
  for (const std::int64_t manifest_id : left) {
    HF_CHECK(loosen_manifest(tx, manifest_id, event.at));
  }
  if (rules.limit == 0 || !counts) return {};
  return evict(tx, state, repository, rules.limit, wanted.tags, std::move(event));
}

}  // namespace holdfast::repos
