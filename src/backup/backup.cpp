#include "backup/backup.hpp"

#include <fmt/format.h>

namespace holdfast::backup {

namespace {

// One row: the last.
constexpr db::Migration kMigrations[] = {
    {"backup/0001-backups", R"(CREATE TABLE backups (
        one {int} PRIMARY KEY,
        made_at {int} NOT NULL,
        size {int} NOT NULL))"},
};

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

Result<void> record(db::Database& database, std::uint64_t size_bytes, Timestamp now,
                    const events::Actor& actor) {
  return database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO backups (one, made_at, size) VALUES (1, $1, $2) "
                   "ON CONFLICT (one) DO UPDATE SET made_at = $1, size = $2",
                   {to_micros(now), static_cast<std::int64_t>(size_bytes)}));
    events::Event event;
    event.at = now;
    event.type = events::Type::backup_created;
    event.actor = actor;
    event.detail = fmt::format("{} bytes", size_bytes);
    return events::append(tx, event);
  });
}

Result<Last> last(db::Database& database) {
  Last found;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto made,
           tx.find<std::int64_t>("SELECT made_at FROM backups", {},
                                 [](const db::Row& row) { return row.integer(0); }));
    HF_TRY(const auto first,
           tx.find<std::int64_t>("SELECT min(applied_at) FROM schema_migrations", {},
                                 [](const db::Row& row) { return row.integer(0); }));
    found.made_at = made ? std::optional(from_micros(*made)) : std::nullopt;
    found.registry_made_at = from_micros(first.value_or(0));
    return {};
  }));
  return found;
}

}  // namespace holdfast::backup
