// Events in DTR's words.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "events/events.hpp"

namespace holdfast::api::dtr {

// What happened (CREATE, GET, UPDATE, DELETE, FAIL …) to what (REPOSITORY, TAG, MANIFEST, BLOB,
// ACCOUNT, TEAM …). Made from the name of the type: "tag_pushed" is CREATE of a TAG.
struct EventWords {
  std::string_view type;
  std::string object;
};
EventWords words_of(events::Type type);

// Whether events of this type are for everybody who may see the repository. The rest is for those
// who administer it: pulls say who works with what, grants who has access.
bool is_for_viewers(events::Type type);
// Whether the object of such an event, where it is a name, is an account's: a user may be called as
// an action or a setting is.
bool is_of_account(events::Type type);

// The types that fit words of a query, without case; empty fits all. `type` may be the name of one
// type as well. invalid/kQueryInvalid for a word that fits no type.
Result<std::vector<events::Type>> types_that_fit(std::string_view type, std::string_view object);

// Who reads: whether addresses, clients and details are for them.
enum class Detail { brief, full };

// With `actor_uuid` when it is not empty.
boost::json::object shown(const events::Event& event, std::string_view actor_uuid, Detail detail);

}  // namespace holdfast::api::dtr
