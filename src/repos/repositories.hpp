// Repositories: create, find, change, list, delete.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/fill_cache.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "oci/name.hpp"
#include "repos/repository.hpp"

namespace holdfast::repos {

inline constexpr std::string_view kRepositoryUnknown = "repository_unknown";     // not_found
inline constexpr std::string_view kRepositoryExists = "repository_exists";       // already_exists
inline constexpr std::string_view kNamespaceUnknown = "namespace_unknown";       // not_found
inline constexpr std::string_view kFieldsInvalid = "repository_fields_invalid";  // invalid

std::span<const db::Migration> migrations();

// Which repositories, from where.
struct RepositoryQuery {
  VisibleSet visible{};
  std::string ns{};  // only those of this namespace; empty: all
  std::string
      start{};  // the first full name wanted: that repository is in the page when it is there
  std::int64_t limit = 10;
};

// Threads: any. Everything blocks on the database except cached().
class Repositories {
 public:
  Repositories(db::Database& database, const Clock& clock, Random& random);

  // In an existing namespace; private unless asked for. kRepositoryExists, kNamespaceUnknown,
  // kFieldsInvalid (too long, not UTF-8, a limit below 0).
  Result<Repository> create(const oci::RepositoryName& name, const RepositoryFields& fields,
                            const events::Actor& actor);
  // Deletes it with its tags, manifests, links and upload sessions' rows; bytes are collected
  // later.
  Result<void> remove(const oci::RepositoryName& name, const events::Actor& actor);
  // Without any field nothing happens. kRepositoryUnknown, kFieldsInvalid.
  Result<Repository> update(const oci::RepositoryName& name, const RepositoryFields& fields,
                            const events::Actor& actor);

  // In memory or nothing; never blocks.
  std::shared_ptr<const Repository> cached(std::string_view name);
  // not_found/kRepositoryUnknown.
  Result<std::shared_ptr<const Repository>> find(const oci::RepositoryName& name);
  // Those of these ids that are there, in the order of the ids; a page of them at a time.
  Result<std::vector<Repository>> find(std::span<const std::int64_t> ids);
  // The id of a namespace (an account's) by name: kNamespaceUnknown.
  Result<std::int64_t> namespace_id(std::string_view ns);

  // The README. kRepositoryUnknown.
  Result<std::string> long_description(const oci::RepositoryName& name);

  // Names behind `after` in byte order, at most `limit`, only those in `visible`. O(limit) whatever
  // is stored and whoever asks.
  Result<std::vector<std::string>> list(const VisibleSet& visible, std::string_view after,
                                        int limit);
  // A page in the order of the full names' bytes. O(limit) likewise.
  Result<std::vector<Repository>> page(const RepositoryQuery& query);
  // How many `query` has in all, its start and limit apart. O(what it counts).
  Result<std::int64_t> count(const RepositoryQuery& query);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
  FillCache<std::shared_ptr<const Repository>> cache_;
  std::shared_ptr<void> subscription_;
};

}  // namespace holdfast::repos
