// Reads everything that is stored and compares it with its digest (`holdfast verify`).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"

namespace holdfast {

struct Spoiled {
  std::string what;   // "blob sha256:…" or "manifest sha256:…"
  std::string where;  // repositories
  std::string why;
};

struct Verified {
  std::uint64_t blobs = 0;
  std::uint64_t manifests = 0;
  std::uint64_t size_bytes = 0;
  std::vector<Spoiled> spoiled;
};

// Changes nothing, and may run beside a server on the same storage: what is deleted meanwhile is no
// finding. `progress` is told after each item. Fails only where it could not go on: database
// errors.
Result<Verified> verify_content(db::Database& database, blob::BlobReader& blobs,
                                const std::function<void(const Verified&)>& progress);

}  // namespace holdfast
