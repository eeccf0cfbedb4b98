// What Content's files share.
#pragma once

#include <string>

#include "repos/content.hpp"

namespace holdfast::repos {

struct Content::State {
  State(db::Database& database_in, const Clock& clock_in, SparseIndexes sparse_in)
      : database(database_in), clock(clock_in), sparse(sparse_in) {}

  // Keys hold the repository's id, which is never used twice: what is kept of a deleted repository
  // cannot be reached any more, and ages out.
  static std::string key(std::int64_t repository_id, std::string_view name) {
    return std::to_string(repository_id) + "/" + std::string(name);
  }

  db::Database& database;
  const Clock& clock;
  const SparseIndexes sparse;
  FillCache<std::shared_ptr<const StoredBlob>> blobs{100'000};
  FillCache<std::shared_ptr<const StoredManifest>> manifests{64UZ * 1024 * 1024};  // by bytes
  FillCache<std::string> tags{200'000};                                            // to digests
};

// The row of a manifest by digest: its id, or nothing.
Result<std::optional<std::int64_t>> manifest_id(db::Tx& tx, std::int64_t repository_id,
                                                std::string_view digest);
// An event about this repository, without its object.
events::Event event_in(const Repository& repository, events::Type type, const events::Actor& actor,
                       Timestamp now);

}  // namespace holdfast::repos
