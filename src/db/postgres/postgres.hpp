// The PostgreSQL driver (15 and later).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "db/database.hpp"

namespace holdfast::db::postgres {

struct Options {
  std::string url;                             // as libpq takes it; may hold a password
  std::size_t connections = 16;                // at most, beside one that listens
  std::chrono::milliseconds deadline{10'000};  // of one statement, and of waiting for a connection
};

// Connects and checks the database (UTF-8). unavailable when it cannot be reached. Writes run
// SERIALIZABLE and again when they meet another (so functions may run several times) within the
// deadline. A connection that was lost is opened anew by the next transaction.
Result<std::unique_ptr<Database>> open(Options options);

}  // namespace holdfast::db::postgres
