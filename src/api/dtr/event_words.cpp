#include "api/dtr/event_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <utility>

#include "api/rest/call.hpp"
#include "base/clock.hpp"
#include "pruning/pruner.hpp"

namespace holdfast::api::dtr {

namespace {

using Pair = std::pair<std::string_view, std::string_view>;

// The last word of a type's name.
constexpr auto kVerbs = std::to_array<Pair>({
    {"pushed", "CREATE"},
    {"created", "CREATE"},
    {"pulled", "GET"},
    {"updated", "UPDATE"},
    {"changed", "UPDATE"},
    {"canceled", "UPDATE"},
    {"rotated", "UPDATE"},
    {"set", "UPDATE"},
    {"removed", "UPDATE"},
    {"granted", "UPDATE"},
    {"revoked", "UPDATE"},
    {"deleted", "DELETE"},
    {"failed", "FAIL"},
    {"completed", "SCAN"},
});

// What stands before it, where DTR has another word for it.
constexpr auto kObjects = std::to_array<Pair>({
    {"user", "ACCOUNT"},
    {"organization", "ACCOUNT"},
    {"member", "ACCOUNT"},
    {"login", "ACCOUNT"},
    {"team_member", "TEAM"},
    {"access", "TEAM"},
    {"signing_key", "SYSTEM"},
    {"settings", "SYSTEM"},
    {"session_settings", "SYSTEM"},
    {"job", "SYSTEM"},
    {"cron", "SYSTEM"},
    {"action_config", "SYSTEM"},
    {"worker_capacity", "SYSTEM"},
    {"worker", "SYSTEM"},
    {"backup", "SYSTEM"},
    {"pruning_policy", "PRUNING"},
    {"account_settings", "SYSTEM"},
    {"service_account", "ACCOUNT"},
    {"public_key", "ACCOUNT"},
    {"sso_service", "ACCOUNT"},
    {"scan", "TAG"},
    {"advisories", "SYSTEM"},
    {"waiver", "SYSTEM"},
    {"scanner", "SYSTEM"},
});

std::string upper(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return upper;
}

template <std::size_t N>
std::string_view find(const std::array<Pair, N>& words, std::string_view word) {
  for (const auto& [ours, theirs] : words) {
    if (ours == word) return theirs;
  }
  return {};
}

std::string_view actor_type(const events::Actor& actor) {
  if (actor.account_id != 0) return "USER";
  if (actor.name.starts_with(pruning::kActorPrefix)) return "POLICY";
  return actor.name.empty() ? "ANONYMOUS" : "SYSTEM";
}

boost::json::object object_of(const events::Event& event, std::string type) {
  boost::json::object object = {{"type", type}};
  if (type == "TAG") {
    object["id"] = fmt::format("{}:{}", event.repository, event.tag);
    object["name"] = event.tag;
    object["content"] = event.digest;
  } else if (type == "MANIFEST" || type == "BLOB") {
    object["id"] = event.digest;
    object["name"] = event.tag;
    object["content"] = event.media_type;
  } else if (type == "REPOSITORY") {
    object["id"] = event.repository;
    object["name"] = event.repository;
  } else {
    object["id"] = event.object;
    object["name"] = event.object;
    object["content"] = event.detail;
  }
  return object;
}

}  // namespace

EventWords words_of(events::Type type) {
  const std::string_view name = events::name(type);
  const std::size_t last = name.rfind('_');
  const std::string_view verb = find(kVerbs, name.substr(last + 1));
  const std::string_view before = name.substr(0, last);
  const std::string_view object = find(kObjects, before);
  return {verb.empty() ? "UPDATE" : verb, object.empty() ? upper(before) : std::string(object)};
}

bool is_for_viewers(events::Type type) {
  const EventWords words = words_of(type);
  return words.type != "GET" && (words.object == "REPOSITORY" || words.object == "TAG" ||
                                 words.object == "MANIFEST" || words.object == "BLOB");
}

bool is_of_account(events::Type type) {
  return type != events::Type::session_settings_updated && words_of(type).object != "SYSTEM";
}

Result<std::vector<events::Type>> types_that_fit(std::string_view type, std::string_view object) {
  const std::string wanted_type = upper(type);
  const std::string wanted_object = upper(object);
  bool type_known = type.empty();
  bool object_known = object.empty();
  std::vector<events::Type> fitting;
  for (const events::Type one : events::types()) {
    const EventWords words = words_of(one);
    const bool type_fits = type.empty() || words.type == wanted_type || events::name(one) == type;
    const bool object_fits = object.empty() || words.object == wanted_object;
    type_known |= type_fits;
    object_known |= object_fits;
    if (type_fits && object_fits) fitting.push_back(one);
  }
  // DTR has a word for what never happens here.
  type_known |= wanted_type == "SEND";
  if (type_known && object_known) return fitting;
  return fail(ErrorCode::invalid, rest::kQueryInvalid,
              type_known ? "\"objectType\" must be REPOSITORY, TAG, MANIFEST, BLOB, ACCOUNT, TEAM, "
                           "TOKEN, SESSION, PRUNING or SYSTEM"
                         : "\"eventType\" must be CREATE, GET, UPDATE, DELETE, SEND, FAIL or SCAN");
}

boost::json::object shown(const events::Event& event, std::string_view actor_uuid, Detail detail) {
  EventWords words = words_of(event.type);
  boost::json::object object = {{"id", std::to_string(event.id)},
                                {"publishedAt", rfc3339(event.at)},
                                {"actor", event.actor.name},
                                {"actorType", actor_type(event.actor)},
                                {"type", words.type},
                                {"object", object_of(event, std::move(words.object))},
                                {"repository", event.repository},
                                {"event", events::name(event.type)},
                                {"count", event.count}};
  if (!actor_uuid.empty()) object["actorId"] = actor_uuid;
  if (detail == Detail::brief) return object;
  object["detail"] = event.detail;
  object["address"] = event.actor.address;
  object["client"] = event.actor.client;
  object["requestId"] = event.actor.request_id;
  return object;
}

}  // namespace holdfast::api::dtr
