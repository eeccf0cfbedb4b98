// Where the metadata lie: in a SQLite file of the data folder, or in PostgreSQL.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "data_folder.hpp"
#include "db/database.hpp"

namespace holdfast {

inline constexpr std::string_view kWrongEngine = "wrong_engine";  // conflict

struct MetadataOptions {
  std::string url;  // of PostgreSQL; empty: SQLite in the data folder
  std::size_t connections = 16;
  std::chrono::seconds deadline{10};
};

// The migrations of all modules, in the order of their references.
std::vector<db::Migration> all_migrations();

// Opens the database, without bringing its schema up to date. The folder remembers the engine: to
// open it with another one is refused (kWrongEngine), since a second, empty registry would come of
// it. A fresh folder takes either.
Result<std::unique_ptr<db::Database>> open_metadata(const DataFolder& folder,
                                                    const MetadataOptions& options);

// Copies everything into a new database: into PostgreSQL at `target`, or with "sqlite" into the
// folder's file, and makes it the one that the folder is opened with. What was copied from is left
// as it is; a SQLite file is renamed to holdfast.db.copied. Prints a line for each table.
Result<void> copy_metadata(const DataFolder& folder, const MetadataOptions& from,
                           const std::string& target);

// One line for a table that was copied, as db::CopyProgress.
void print_copied(std::string_view table, std::uint64_t rows);

// "postgresql://user:***@host/name": fit for logs and errors.
std::string without_password(const std::string& url);

}  // namespace holdfast
