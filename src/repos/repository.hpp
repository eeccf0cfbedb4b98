// A repository as the core knows it, and what a caller sees in lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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
  bool is_of_organization = false;
  oci::RepositoryName name;
  Visibility visibility = Visibility::private_access;
  Timestamp created_at;
  std::string short_description;
  bool scan_on_push = false;
  bool immutable_tags = false;         // a tag that is set stays as it is until it is deleted
  bool enable_manifest_lists = false;  // kept and given back, as DTR does; without effect
  std::int64_t tag_limit = 0;          // beyond it the oldest tags go; 0: no limit
};

// What a repository is created with or changed to; nothing = the default, or as it is.
struct RepositoryFields {
  std::optional<Visibility> visibility{};
  std::optional<std::string> short_description{};  // UTF-8, up to kShortDescriptionBytes
  std::optional<std::string> long_description{};   // the README, up to kLongDescriptionBytes
  std::optional<bool> scan_on_push{};
  std::optional<bool> immutable_tags{};
  std::optional<bool> enable_manifest_lists{};
  std::optional<std::int64_t> tag_limit{};
};
inline constexpr std::size_t kShortDescriptionBytes = 1024;
inline constexpr std::size_t kLongDescriptionBytes = 256UZ << 10U;

// Which repositories a list may show: all, or public ones plus whole namespaces plus single ones.
// `access` makes it; lists merge key ranges of the parts (invariant 4).
struct VisibleSet {
  bool all = false;
  bool public_ones = true;
  std::vector<std::int64_t> namespace_ids{};
  std::vector<std::int64_t> repository_ids{};
};

// The same as a condition over rows that have these columns; `is_public` is a condition itself.
struct VisibleColumns {
  std::string_view is_public;
  std::string_view namespace_id;
  std::string_view repository_id;
};
std::string sql_condition(const VisibleSet& visible, const VisibleColumns& columns);

}  // namespace holdfast::repos
