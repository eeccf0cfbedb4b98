// Moving everything from one database into another, of whatever engine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::db {

inline constexpr std::string_view kCopyTargetInUse = "copy_target_in_use";  // conflict
inline constexpr std::string_view kCopyDiffers = "copy_differs";            // corrupt
inline constexpr std::string_view kCopySchema = "copy_schema";              // conflict

// Called after each table.
using CopyProgress = std::function<void(std::string_view table, std::uint64_t rows)>;

// Copies all rows of one snapshot of `from` into `to` in one transaction, then compares what is
// there with what was read, row by row. Others may go on writing to `from`; nobody else uses `to`.
// Both hold the same migrations (kCopySchema); `to` holds no other row (kCopyTargetInUse). Blocks.
Result<void> copy(Database& from, Database& to, const CopyProgress& progress);

}  // namespace holdfast::db
