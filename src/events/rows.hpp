// How events lie in their table; for this module alone.
#pragma once

#include <string_view>

#include "db/database.hpp"
#include "events/events.hpp"

namespace holdfast::events {

// Columns of an Event, in the order that event_of reads them. The table must be named `events` in
// the statement.
inline constexpr std::string_view kEventColumns =
    "events.id, events.at, events.type, events.actor_id, events.actor_name, events.address, "
    "events.client, events.request_id, events.repository, events.tag, events.digest, "
    "events.media_type, events.object, events.count, events.detail";
Event event_of(const db::Row& row);

}  // namespace holdfast::events
