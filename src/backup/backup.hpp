// When the metadata were last saved: kept with them, so that every replica knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"

namespace holdfast::backup {

// The table of this module.
std::span<const db::Migration> migrations();

// Notes that a backup was made, with an event. Durable. Blocks.
Result<void> record(db::Database& database, std::uint64_t size_bytes, Timestamp now,
                    const events::Actor& actor);

struct Last {
  std::optional<Timestamp> made_at{};  // nothing: never
  Timestamp registry_made_at{};        // when the database got its first table
};
// Blocks.
Result<Last> last(db::Database& database);

}  // namespace holdfast::backup
