// How a repository is read from its row.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "db/database.hpp"
#include "repos/repository.hpp"

namespace holdfast::repos {

// What repository_of() reads, in this order.
inline constexpr std::string_view kRepositoryColumns =
    "repositories.id, repositories.uuid, repositories.namespace_id, "
    "(SELECT kind FROM accounts WHERE accounts.id = repositories.namespace_id), "
    "repositories.full_name, "
    "repositories.visibility, repositories.created_at, repositories.short_description, "
    "repositories.scan_on_push, repositories.immutable_tags, repositories.enable_manifest_lists, "
    "repositories.tag_limit";
inline constexpr int kRepositoryColumnsCount = 12;
Result<Repository> repository_of(const db::Row& row);

}  // namespace holdfast::repos
