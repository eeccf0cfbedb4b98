#include "pruning/policies.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "codec/json.hpp"
#include "repos/repositories.hpp"

namespace holdfast::pruning {

namespace {

constexpr db::Migration kMigrations[] = {
    {"pruning/0001-policies", R"(CREATE TABLE pruning_policies (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        repository_id {int} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
        enabled {int} NOT NULL,
        rules {text} NOT NULL,
        since {int} NOT NULL,
        revision {int} NOT NULL,
        created_by {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_by {int} NOT NULL,
        updated_at {int} NOT NULL,
        last_pruned_at {int} NOT NULL);
      CREATE INDEX pruning_policies_repository ON pruning_policies (repository_id, id);
      CREATE INDEX pruning_policies_enabled ON pruning_policies (enabled, id))"},
};

constexpr std::string_view kColumns =
    "p.id, p.uuid, p.repository_id, repositories.full_name, p.enabled, p.rules, p.since, "
    "p.revision, p.last_pruned_at";
constexpr std::string_view kFrom =
    "FROM pruning_policies p JOIN repositories ON repositories.id = p.repository_id";

Result<Policy> policy_of(const db::Row& row) {
  HF_TRY(const auto json, codec::parse_json(row.text(5)));
  HF_TRY(auto rules, parse_rules(json));
  Policy policy{.id = row.integer(0),
                .uuid = row.string(1),
                .repository_id = row.integer(2),
                .repository = row.string(3),
                .enabled = row.boolean(4),
                .rules = std::move(rules),
                .since = from_micros(row.integer(6)),
                .revision = row.integer(7)};
  if (const std::int64_t at = row.integer(8); at != 0) policy.last_pruned_at = from_micros(at);
  return policy;
}

Result<std::vector<Policy>> policies_in(db::Tx& tx, std::string_view sql,
                                        std::initializer_list<db::Value> values) {
  std::vector<Policy> found;
  HF_CHECK(tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
    HF_TRY(Policy one, policy_of(row));
    found.push_back(std::move(one));
    return {};
  }));
  return found;
}

Result<Policy> policy_in(db::Tx& tx, std::int64_t repository_id, std::string_view uuid) {
  static const std::string sql =
      fmt::format("SELECT {} {} WHERE p.repository_id = $1 AND p.uuid = $2", kColumns, kFrom);
  HF_TRY(auto found, policies_in(tx, sql, {repository_id, uuid}));
  if (!found.empty()) return std::move(found.front());
  return fail(ErrorCode::not_found, kPolicyUnknown, "there is no such pruning policy here");
}

Result<std::int64_t> count_in(db::Tx& tx, std::int64_t repository_id) {
  HF_TRY(const auto found,
         tx.find<std::int64_t>("SELECT count(*) FROM pruning_policies WHERE repository_id = $1",
                               {repository_id}, [](const db::Row& row) { return row.integer(0); }));
  return found.value_or(0);
}

// A policy can only be made in a repository that is there still.
Result<void> check_repository(db::Tx& tx, const repos::Repository& repository) {
  HF_TRY(const auto found, tx.find<bool>("SELECT 1 FROM repositories WHERE id = $1",
                                         {repository.id}, [](const db::Row&) { return true; }));
  if (found) return {};
  return fail(ErrorCode::not_found, repos::kRepositoryUnknown,
              "the repository was deleted meanwhile");
}

Result<void> check_rules(const std::vector<Rule>& rules) {
  if (!rules.empty()) return {};
  return fail(ErrorCode::invalid, kPolicyInvalid,
              "a policy needs a rule: without one every tag would be pruned");
}

events::Event event_about(events::Type type, const Policy& policy, const events::Actor& actor,
                          Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.repository = policy.repository;
  event.object = policy.uuid;
  event.detail =
      fmt::format("{}: {}", policy.enabled ? "enabled" : "disabled", described(policy.rules));
  return event;
}

bool are_same(const std::vector<Rule>& one, const std::vector<Rule>& other) {
  return shown(one) == shown(other);
}

// From when on tags are for the policy as it becomes.
Timestamp since_after(const Policy& before, const Policy& after, About about, Timestamp now) {
  const bool rules_changed = !are_same(before.rules, after.rules);
  if (about == About::all_tags) {
    return after.enabled || rules_changed ? Timestamp{} : before.since;
  }
  return rules_changed ? now : before.since;
}

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

Result<Policy> Policies::create(const repos::Repository& repository, const NewPolicy& wanted,
                                const events::Actor& actor) {
  HF_CHECK(check_rules(wanted.rules));
  const std::string id = uuid(random_);
  const std::string rules = boost::json::serialize(shown(wanted.rules));
  const Timestamp now = clock_.now();
  const Timestamp since = wanted.about == About::all_tags ? Timestamp{} : now;
  Policy made;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(check_repository(tx, repository));
    HF_TRY(const std::int64_t held, count_in(tx, repository.id));
    if (held >= kPoliciesAtMost) {
      return fail(ErrorCode::conflict, kTooManyPolicies,
                  fmt::format("a repository has {} pruning policies at most", kPoliciesAtMost));
    }
    HF_CHECK(tx.execute(
        "INSERT INTO pruning_policies (uuid, repository_id, enabled, rules, since, revision, "
        "created_by, created_at, updated_by, updated_at, last_pruned_at) "
        "VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $6, $7, 0)",
        {id, repository.id, std::int64_t{wanted.enabled}, rules, to_micros(since), actor.account_id,
         to_micros(now)}));
    HF_TRY(made, policy_in(tx, repository.id, id));
    return events::append(tx, event_about(events::Type::pruning_policy_created, made, actor, now));
  }));
  return made;
}

Result<Policy> Policies::update(const repos::Repository& repository, std::string_view uuid,
                                const PolicyChange& change, const events::Actor& actor) {
  if (change.rules) HF_CHECK(check_rules(*change.rules));
  const Timestamp now = clock_.now();
  Policy changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Policy before, policy_in(tx, repository.id, uuid));
    changed = before;
    changed.enabled = change.enabled.value_or(before.enabled);
    changed.rules = change.rules.value_or(before.rules);
    changed.since = since_after(before, changed, change.about, now);
    if (changed.enabled == before.enabled && changed.since == before.since &&
        are_same(changed.rules, before.rules)) {
      return {};
    }
    ++changed.revision;
    const std::string rules = boost::json::serialize(shown(changed.rules));
    HF_CHECK(
        tx.execute("UPDATE pruning_policies SET enabled = $2, rules = $3, since = $4, "
                   "revision = $5, updated_by = $6, updated_at = $7 WHERE id = $1",
                   {changed.id, std::int64_t{changed.enabled}, rules, to_micros(changed.since),
                    changed.revision, actor.account_id, to_micros(now)}));
    return events::append(tx,
                          event_about(events::Type::pruning_policy_updated, changed, actor, now));
  }));
  return changed;
}

Result<void> Policies::remove(const repos::Repository& repository, std::string_view uuid,
                              const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Policy gone, policy_in(tx, repository.id, uuid));
    HF_CHECK(tx.execute("DELETE FROM pruning_policies WHERE id = $1", {gone.id}));
    return events::append(
        tx, event_about(events::Type::pruning_policy_deleted, gone, actor, clock_.now()));
  });
}

Result<Policy> Policies::find(std::int64_t repository_id, std::string_view uuid) {
  Policy found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, policy_in(tx, repository_id, uuid));
    return {};
  }));
  return found;
}

Result<std::vector<Policy>> Policies::list(std::int64_t repository_id, std::int64_t after,
                                           std::int64_t limit) {
  static const std::string sql =
      fmt::format("SELECT {} {} WHERE p.repository_id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3",
                  kColumns, kFrom);
  std::vector<Policy> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, policies_in(tx, sql, {repository_id, after, limit}));
    return {};
  }));
  return found;
}

Result<std::int64_t> Policies::count(std::int64_t repository_id) {
  std::int64_t number = 0;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(number, count_in(tx, repository_id));
    return {};
  }));
  return number;
}

Result<std::vector<Policy>> Policies::enabled_behind(std::int64_t after, std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {} {} WHERE p.enabled = 1 AND p.id > $1 ORDER BY p.id LIMIT $2", kColumns, kFrom);
  std::vector<Policy> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, policies_in(tx, sql, {after, limit}));
    return {};
  }));
  return found;
}

Result<void> Policies::evaluated(const Policy& policy) {
  // A power cut may lose it: the next evaluation sets it again.
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute(
        "UPDATE pruning_policies SET last_pruned_at = $3 WHERE id = $1 AND revision = $2",
        {policy.id, policy.revision, to_micros(clock_.now())}));
    return {};
  });
}

Result<void> Policies::check_current(db::Tx& tx, const Policy& policy) {
  HF_TRY(const auto found,
         tx.find<bool>(
             "SELECT 1 FROM pruning_policies WHERE id = $1 AND revision = $2 AND enabled = 1",
             {policy.id, policy.revision}, [](const db::Row&) { return true; }));
  if (found) return {};
  return fail(ErrorCode::conflict, kPolicyChanged, "the policy was changed meanwhile");
}

}  // namespace holdfast::pruning
