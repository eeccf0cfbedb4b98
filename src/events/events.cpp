#include "events/events.hpp"

#include <array>
#include <fmt/format.h>
#include <utility>

#include "events/rows.hpp"

namespace holdfast::events {

namespace {

constexpr db::Migration kMigrations[] = {
    {"events/0001-events", R"(CREATE TABLE events (
        id {id},
        at {int} NOT NULL,
        type {text} NOT NULL,
        actor_id {int} NOT NULL,
        actor_name {text} NOT NULL,
        address {text} NOT NULL,
        client {text} NOT NULL,
        request_id {text} NOT NULL,
        repository {text} NOT NULL,
        tag {text} NOT NULL,
        digest {text} NOT NULL,
        media_type {text} NOT NULL,
        object {text} NOT NULL,
        count {int} NOT NULL);
      CREATE INDEX events_repository ON events (repository, id))"},
    {"events/0002-detail", "ALTER TABLE events ADD COLUMN detail {text} NOT NULL DEFAULT ''"},
    // The type stands before the time, so that pulls lie apart from the rest and a filter by types
    // is a merge of ranges. Each index has a condition that only the statements made for it repeat
    // (a count is never 0): no planner can take another one and walk over millions.
    {"events/0003-history", R"(DROP INDEX events_repository;
      CREATE INDEX events_type ON events (type, at, id) WHERE count > 0;
      CREATE INDEX events_repository ON events (repository, type, at, id) WHERE repository <> '';
      CREATE INDEX events_actor ON events (actor_id, type, at, id) WHERE actor_id <> 0)"},
    // For those who see only what is theirs. Events from before have none and are not found by it.
    {"events/0004-namespaces", R"(ALTER TABLE events
        ADD COLUMN namespace {text} NOT NULL DEFAULT '';
      CREATE INDEX events_namespace ON events (namespace, at, id) WHERE namespace <> '')"},
};

// Whose event it is: "acme" of the repository "acme/app", of the team "acme/backend", of itself.
std::string_view namespace_of(const Event& event) {
  const std::string_view whole = event.repository.empty() ? event.object : event.repository;
  return whole.substr(0, whole.find('/'));
}

constexpr auto kNames = std::to_array<std::pair<Type, std::string_view>>({
    {Type::tag_pushed, "tag_pushed"},
    {Type::tag_deleted, "tag_deleted"},
    {Type::manifest_pushed, "manifest_pushed"},
    {Type::manifest_deleted, "manifest_deleted"},
    {Type::manifest_pulled, "manifest_pulled"},
    {Type::blob_deleted, "blob_deleted"},
    {Type::repository_created, "repository_created"},
    {Type::repository_updated, "repository_updated"},
    {Type::repository_deleted, "repository_deleted"},
    {Type::user_created, "user_created"},
    {Type::user_updated, "user_updated"},
    {Type::user_deleted, "user_deleted"},
    {Type::organization_created, "organization_created"},
    {Type::organization_updated, "organization_updated"},
    {Type::organization_deleted, "organization_deleted"},
    {Type::member_set, "member_set"},
    {Type::member_removed, "member_removed"},
    {Type::team_created, "team_created"},
    {Type::team_updated, "team_updated"},
    {Type::team_deleted, "team_deleted"},
    {Type::team_member_set, "team_member_set"},
    {Type::team_member_removed, "team_member_removed"},
    {Type::access_granted, "access_granted"},
    {Type::access_revoked, "access_revoked"},
    {Type::session_started, "session_started"},
    {Type::session_ended, "session_ended"},
    {Type::session_settings_updated, "session_settings_updated"},
    {Type::login_failed, "login_failed"},
    {Type::signing_key_rotated, "signing_key_rotated"},
    {Type::settings_changed, "settings_changed"},
    {Type::token_created, "token_created"},
    {Type::token_updated, "token_updated"},
    {Type::token_deleted, "token_deleted"},
    {Type::job_created, "job_created"},
    {Type::job_canceled, "job_canceled"},
    {Type::job_deleted, "job_deleted"},
    {Type::cron_set, "cron_set"},
    {Type::cron_removed, "cron_removed"},
    {Type::action_config_set, "action_config_set"},
    {Type::action_config_removed, "action_config_removed"},
    {Type::worker_capacity_set, "worker_capacity_set"},
    {Type::worker_removed, "worker_removed"},
    {Type::pruning_policy_created, "pruning_policy_created"},
    {Type::pruning_policy_updated, "pruning_policy_updated"},
    {Type::pruning_policy_deleted, "pruning_policy_deleted"},
    {Type::service_account_created, "service_account_created"},
    {Type::service_account_updated, "service_account_updated"},
    {Type::service_account_deleted, "service_account_deleted"},
    {Type::public_key_created, "public_key_created"},
    {Type::public_key_updated, "public_key_updated"},
    {Type::public_key_deleted, "public_key_deleted"},
    {Type::sso_service_created, "sso_service_created"},
    {Type::sso_service_updated, "sso_service_updated"},
    {Type::sso_service_deleted, "sso_service_deleted"},
    {Type::account_settings_updated, "account_settings_updated"},
    {Type::backup_created, "backup_created"},
    {Type::scan_completed, "scan_completed"},
    {Type::scan_failed, "scan_failed"},
    {Type::advisories_updated, "advisories_updated"},
    {Type::advisories_failed, "advisories_failed"},
    {Type::waiver_created, "waiver_created"},
    {Type::waiver_deleted, "waiver_deleted"},
    {Type::scanner_created, "scanner_created"},
    {Type::scanner_updated, "scanner_updated"},
    {Type::scanner_deleted, "scanner_deleted"},
});

constexpr std::array<Type, kNames.size()> kTypes = [] {
  std::array<Type, kNames.size()> types{};
  for (std::size_t i = 0; i < types.size(); ++i) types[i] = kNames[i].first;
  return types;
}();

Type type_of(std::string_view text) {
  for (const auto& [type, word] : kNames) {
    if (word == text) return type;
  }
  return Type::tag_pushed;
}

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

std::string_view name(Type type) {
  for (const auto& [known, word] : kNames) {
    if (known == type) return word;
  }
  return "unknown";
}

std::span<const Type> types() { return kTypes; }

Event event_of(const db::Row& row) {
  return {row.integer(0),
          from_micros(row.integer(1)),
          type_of(row.text(2)),
          Actor{row.integer(3), row.string(4), row.string(5), row.string(6), row.string(7)},
          row.string(8),
          row.string(9),
          row.string(10),
          row.string(11),
          row.string(12),
          row.integer(13),
          row.string(14)};
}

Result<void> append(db::Tx& tx, const Event& event) {
  constexpr std::size_t kClientLimitBytes = 256;
  const std::string_view client = std::string_view(event.actor.client).substr(0, kClientLimitBytes);
  HF_CHECK(
      tx.execute("INSERT INTO events (at, type, actor_id, actor_name, address, client, request_id, "
                 "repository, tag, digest, media_type, object, count, detail, namespace) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                 {to_micros(event.at), name(event.type), event.actor.account_id, event.actor.name,
                  event.actor.address, client, event.actor.request_id, event.repository, event.tag,
                  event.digest, event.media_type, event.object, event.count, event.detail,
                  namespace_of(event)}));
  return {};
}

Result<std::vector<Event>> list(db::Tx& tx, std::int64_t after, int limit) {
  static const std::string sql =
      fmt::format("SELECT {} FROM events WHERE id > $1 ORDER BY id LIMIT $2", kEventColumns);
  std::vector<Event> events;
  HF_CHECK(tx.query(sql, {after, std::int64_t{limit}}, [&](const db::Row& row) -> Result<void> {
    events.push_back(event_of(row));
    return {};
  }));
  return events;
}

}  // namespace holdfast::events
