// Saving the metadata into one file and making a data folder of it again.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "options.hpp"

namespace holdfast {

inline constexpr std::string_view kBackupInvalid = "backup_invalid";        // invalid
inline constexpr std::string_view kBackupExists = "backup_exists";          // conflict
inline constexpr std::string_view kFolderNotEmpty = "folder_not_empty";     // conflict
inline constexpr std::string_view kBackupUnwritable = "backup_unwritable";  // unavailable

// Copies one snapshot of all metadata into a new SQLite file at `file`, whatever the engine, beside
// a running server or without one, and notes in the registry that it was made. Whole or not at all:
// it is written beside, synced and renamed. Gives its size. Prints a line for each table. Blocks.
Result<std::uint64_t> make_backup(const Options& options, const std::filesystem::path& file);

// Makes the data folder of `options`, which must not hold a registry, from a backup of this build
// or an older one and from the sealing key that belongs to it. With a PostgreSQL URL in the options
// the metadata go there. Blobs are not touched. Prints a line for each table. Blocks.
Result<void> restore_backup(const Options& options, const std::filesystem::path& file,
                            const std::filesystem::path& key);

}  // namespace holdfast
