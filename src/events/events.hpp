// The outbox: every change emits one event in the transaction that makes it (invariant 7). Audit,
// webhooks, scan-on-push and collection read it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::events {

std::span<const db::Migration> migrations();

// What happened. Stored by name ("tag_pushed"): new ones are added, none is renamed.
enum class Type {
  tag_pushed,
  tag_deleted,
  manifest_pushed,
  manifest_deleted,
  manifest_pulled,  // counted, see PullCounter
  blob_deleted,
  repository_created,
  repository_updated,
  repository_deleted,
  user_created,
  user_updated,  // password, disabled, enabled, administrator
  user_deleted,
  organization_created,
  organization_updated,
  organization_deleted,
  member_set,  // object: "organization/user", detail: "owner" or "member"
  member_removed,
  team_created,  // object: "organization/team"
  team_updated,
  team_deleted,
  team_member_set,  // object: "organization/team/user", detail: "admin" or "member"
  team_member_removed,
  access_granted,  // object: "organization/team", detail: the level; without repository: on all
  access_revoked,
  session_started,           // object: the user
  session_ended,             // by request; detail: which one, or "all"
  session_settings_updated,  // detail: what they are now
  login_failed,              // counted, see PullCounter's sibling
  signing_key_rotated,
  settings_changed,  // detail: the names of the fields
  token_created,     // an access token; object: its user, detail: its label
  token_updated,
  token_deleted,
  job_created,  // object: the action, detail: the job
  job_canceled,
  job_deleted,
  cron_set,  // object: the action, detail: the schedule
  cron_removed,
  action_config_set,  // object: the action
  action_config_removed,
  worker_capacity_set,  // object: the worker
  worker_removed,
  pruning_policy_created,  // object: the policy's id, detail: "enabled: " and its rules
  pruning_policy_updated,
  pruning_policy_deleted,
  service_account_created,  // object: "organization..name"
  service_account_updated,
  service_account_deleted,
  public_key_created,  // object: the account, detail: the key's id
  public_key_updated,
  public_key_deleted,
  sso_service_created,  // object: "account/service"
  sso_service_updated,
  sso_service_deleted,
  account_settings_updated,  // detail: which
  backup_created,            // detail: its size
  scan_completed,            // of an image; detail: what it counted
  scan_failed,               // detail: why
  advisories_updated,        // object: their version, detail: how many there are
  advisories_failed,         // detail: why the last good ones stay in force
  waiver_created,            // object: its id, detail: the finding that it hides, and why
  waiver_deleted,
  scanner_created,  // a registration; object: its name, detail: its URL
  scanner_updated,  // detail: the names of the fields
  scanner_deleted,
};
std::string_view name(Type type);
// All of them.
std::span<const Type> types();

// Who did it, from where, with what. For the CLI on the server itself: name "system", no address.
struct Actor {
  std::int64_t account_id = 0;  // 0: anonymous or system
  std::string name;             // "" for anonymous
  std::string address;
  std::string client;  // User-Agent, cut to 256 bytes
  std::string request_id;
};

struct Event {
  std::int64_t id = 0;  // set when read
  Timestamp at;
  Type type = Type::tag_pushed;
  Actor actor;
  std::string repository;  // "ns/name", or empty
  std::string tag;
  std::string digest;
  std::string media_type;
  std::string object;      // the account concerned, for user_…, organization_… and login_failed
  std::int64_t count = 1;  // of pulls or failures gathered
  std::string detail;      // what it became: "read-write"
};

// Adds an event to the caller's transaction.
Result<void> append(db::Tx& tx, const Event& event);

// Events with id > after, oldest first, at most `limit`.
Result<std::vector<Event>> list(db::Tx& tx, std::int64_t after, int limit);

// Counts what happens too often for a row each: pulls per repository, tag, digest and user, failed
// logins per address and name; flush() writes them (called every second and at the end). A crash
// may lose a second of them. Safe from any thread; record() never blocks on the database. Bounded:
// beyond `capacity` distinct keys between two flushes the client detail is folded together.
class Counted {
 public:
  Counted(db::Database& database, const Clock& clock, std::size_t capacity = 10'000);
  ~Counted();
  void record(Event event);
  Result<void> flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::events
