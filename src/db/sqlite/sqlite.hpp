// SQLite behind the database seam.
#pragma once

#include <memory>
#include <string>

#include "db/database.hpp"

namespace holdfast::db::sqlite {

// Opens or creates the file (mode 0600). Errors: unavailable (cannot open), corrupt (no database).
Result<std::unique_ptr<Database>> open(const std::string& path);

}  // namespace holdfast::db::sqlite
