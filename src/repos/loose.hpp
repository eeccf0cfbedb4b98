// What nothing keeps any more: manifests, links and blobs, found and removed a page at a time.
//
// A manifest is kept by a tag, by an index of its repository that names it, and as a referrer by
// its subject. The tag that clients without the referrers API make for a subject (sha256-<64 hex>)
// counts while that subject is there. A link of a blob to a repository is kept by the manifests of
// the repository that name the blob; a blob by its links. Each transaction decides anew, so that
// what a push takes up in between stays; that a page holds few rows keeps the writer free.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "repos/content.hpp"

namespace holdfast::repos {

// Threads: any; all calls block. A page is `limit` rows, links with one time more.
class Loose {
 public:
  Loose(db::Database& database, Content& content) : database_(database), state_(content.state_) {}

  struct Page {
    std::int64_t looked_at = 0;  // less than the limit: there are no more
    std::int64_t removed = 0;
    std::int64_t last = 0;  // where the next page begins: `after` of the calls that have it
  };

  // Manifests without a tag for which it was never written down (older builds did not) are loose
  // from `now` on; the children of indexes are written down. By id, behind `after`.
  Result<Page> search_manifests(std::int64_t after, int limit, Timestamp now);
  // Removes manifests that are loose since `until` or longer and that nothing keeps, as a delete by
  // digest does. What only they kept comes with a later page, under the same `until`.
  Result<Page> remove_manifests(Timestamp until, int limit, const events::Actor& actor);

  // Unlinks blobs that no manifest of the repository names, told last that they are there at
  // `until` or before. By that time (microseconds), behind `after`.
  Result<Page> remove_links(std::int64_t after, Timestamp until, int limit);

  // Blobs without a link, for which it was never written down, are loose. By id, behind `after`.
  Result<Page> search_blobs(std::int64_t after, int limit);
  struct RemovedBlob {
    blob::BlobKey key;
    std::int64_t size_bytes = 0;
  };
  // Removes the rows of loose blobs without links. The bytes are the caller's to erase, now that
  // nothing names them: what it leaves out stays as a file without a row.
  Result<Page> remove_blobs(int limit, std::vector<RemovedBlob>& removed);

  // What `stored` lists that no row names, each known by its digest.
  Result<std::vector<blob::ListedBlob>> without_row(std::span<const blob::ListedBlob> stored);

 private:
  db::Database& database_;
  std::shared_ptr<Content::State> state_;
};

}  // namespace holdfast::repos
