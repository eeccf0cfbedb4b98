// A repository as the core knows it, and what a caller sees in lists.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "oci/name.hpp"

namespace holdfast::repos {

enum class Visibility : std::uint8_t { private_access, public_access };

// Immutable snapshot of one row.
struct Repository {
  std::int64_t id = 0;
  std::string uuid;
  std::int64_t namespace_id = 0;  // the owning account
  oci::RepositoryName name;
  Visibility visibility = Visibility::private_access;
  Timestamp created_at;
};

// Which repositories a list may show: all, or public ones plus whole namespaces plus single ones.
// `access` makes it; lists merge key ranges of the parts (invariant 4).
struct VisibleSet {
  bool all = false;
  bool public_ones = true;
  std::vector<std::int64_t> namespace_ids;
  std::vector<std::int64_t> repository_ids;
};

}  // namespace holdfast::repos
