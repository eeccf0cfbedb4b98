// Which migrations are due: what drivers share.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "db/database.hpp"
#include "db/ddl.hpp"

namespace holdfast::db {

// The steps of several modules, in the given order.
std::vector<Migration> joined(std::initializer_list<std::span<const Migration>> modules);

// The steps that the database does not hold yet, in order. unsupported/kSchemaNewer when it holds
// one that is not among `known`. `applied` gets the number of those it holds.
Result<std::vector<Migration>> due_migrations(Tx& tx, std::span<const Migration> known,
                                              std::size_t& applied);
// Runs them and writes them down.
Result<void> apply_migrations(Tx& tx, std::span<const Migration> due, const Dialect& dialect);

// The table they are written down in, to be run by the driver first.
inline constexpr std::string_view kMigrationsTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations (name {text} PRIMARY KEY, "
    "applied_at {int} NOT NULL)";

}  // namespace holdfast::db
