// What a repository holds: blobs linked to it, manifests, tags, referrers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/fill_cache.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "oci/digest.hpp"
#include "oci/manifest.hpp"
#include "oci/name.hpp"
#include "repos/repositories.hpp"

namespace holdfast::repos {

inline constexpr std::string_view kBlobUnknown = "blob_unknown";          // not_found
inline constexpr std::string_view kManifestUnknown = "manifest_unknown";  // not_found
inline constexpr std::string_view kManifestBlobUnknown =
    "manifest_blob_unknown";  // invalid; details: digests
inline constexpr std::string_view kManifestDigestMismatch = "manifest_digest_mismatch";  // invalid
inline constexpr std::string_view kTooManyTags = "too_many_tags";                        // quota
inline constexpr std::string_view kTagImmutable = "tag_immutable";                       // conflict
inline constexpr std::string_view kBlobInUse =
    "blob_in_use";  // conflict; details: manifests that need it

// How often the promise to keep something is written anew while it is asked for.
inline constexpr std::chrono::minutes kPromiseAgain{5};

// A tag or a digest, as the path of a manifest names it.
using Reference = std::variant<oci::Tag, oci::Digest>;
// "sha256:…" is a digest, all else must be a tag: invalid/kDigestInvalid or kTagInvalid.
Result<Reference> parse_reference(std::string_view text);

// A manifest as it was pushed: the bytes that go out again.
struct StoredManifest {
  oci::Digest digest;
  std::string media_type;
  std::shared_ptr<const std::string> bytes;
  // When keep_for_push promised last that it stays; shared by who remembers the manifest.
  std::shared_ptr<std::atomic<Timestamp>> promised_at = std::make_shared<std::atomic<Timestamp>>();
};

// Where a blob's bytes lie.
struct StoredBlob {
  oci::Digest digest;
  blob::BlobKey key;
  std::uint64_t size_bytes = 0;
  // Set while no manifest of the repository names it: from when on its link may be collected after
  // the grace.
  std::optional<Timestamp> unnamed_since{};
};

struct PutManifest {
  std::vector<oci::Tag> tags;         // tags to set; empty for a push by digest alone
  std::optional<oci::Digest> digest;  // the digest the client names; none: sha256 is computed
  std::string content_type;
  std::string bytes;
};

struct PutResult {
  oci::Digest digest;
  std::optional<oci::Digest> subject;  // for OCI-Subject
};

// A page of a list; `more` says that something comes behind it.
template <typename T>
struct Page {
  std::vector<T> items;
  bool more = false;
};

// A tag as it was when it was read: for whoever decides about it later.
struct TagState {
  oci::Tag tag;
  std::int64_t manifest_id = 0;
  oci::Digest digest;
  Timestamp pushed_at;  // last
};

enum class SparseIndexes { refuse, allow };

struct ContentRules {
  SparseIndexes sparse = SparseIndexes::refuse;
  std::int64_t tags = 0;  // of one repository at most; 0: no limit
};

// Threads: any. Everything blocks on the database except what begins with cached_. Access is not
// decided here: the edge did.
class Content {
 public:
  Content(db::Database& database, const Clock& clock, ContentRules rules);

  // --- blobs
  // In memory or nothing. Keyed by repository id and digest: a blob is seen only where it is
  // linked.
  std::shared_ptr<const StoredBlob> cached_blob(std::int64_t repository_id,
                                                const oci::Digest& digest);
  // not_found/kBlobUnknown.
  Result<std::shared_ptr<const StoredBlob>> blob(std::int64_t repository_id,
                                                 const oci::Digest& digest);
  // For one who may push and is told that the blob is there: it stays for the whole grace from now
  // on (less kPromiseAgain). Writes only for one that no manifest names; kBlobUnknown when it is
  // gone just now.
  Result<void> keep_for_push(std::int64_t repository_id, const StoredBlob& stored);
  // The same for a manifest of which one heard by digest, and may name in an index: should nothing
  // keep it, its grace begins anew. kManifestUnknown.
  Result<void> keep_for_push(std::int64_t repository_id, const StoredManifest& stored);
  // Whether that was done within kPromiseAgain. Does not block.
  [[nodiscard]] bool is_promised(const StoredManifest& stored) const;
  // Links a blob that another repository has. kBlobUnknown when `from` does not hold it.
  Result<void> mount(const Repository& from, const Repository& into, const oci::Digest& digest);
  // The repositories that hold a blob, oldest link first, at most `limit` (anonymous mount).
  Result<std::vector<Repository>> holders(const oci::Digest& digest, int limit);
  // Unlinks from this repository only. kBlobUnknown; conflict/kBlobInUse while a manifest of this
  // repository names it.
  Result<void> remove_blob(const Repository& repository, const oci::Digest& digest,
                           const events::Actor& actor);

  // --- manifests
  // By tag or digest. In memory or nothing: both steps must be remembered.
  std::shared_ptr<const StoredManifest> cached_manifest(std::int64_t repository_id,
                                                        std::string_view reference);
  // not_found/kManifestUnknown.
  Result<std::shared_ptr<const StoredManifest>> manifest(std::int64_t repository_id,
                                                         const Reference& reference);
  // Parses, checks that all it names is there, stores the bytes, moves the tags, adds the events:
  // one durable transaction. Beyond the repository's tag limit its oldest tags go with it. Tags of
  // signatures and of referrers (sha256-<hex>…) count for no limit and are never immutable. Errors:
  // oci::kManifestInvalid, kManifestDigestMismatch, kManifestBlobUnknown (details: the missing
  // digests, 100 at most), kTagImmutable, kTooManyTags.
  Result<PutResult> put(const Repository& repository, const PutManifest& request,
                        const events::Actor& actor);
  // By digest: the manifest and every tag on it. By tag: that tag only. kManifestUnknown.
  Result<void> remove(const Repository& repository, const Reference& reference,
                      const events::Actor& actor);
  // Removes those of the tags that still are what they were: one that was pushed meanwhile, be it
  // the same image again, stays. One transaction, in which `condition` is asked first: its error
  // is given and nothing removed. Gives how many went.
  Result<std::int64_t> remove_unchanged(const Repository& repository,
                                        std::span<const TagState> tags, const events::Actor& actor,
                                        const std::function<Result<void>(db::Tx&)>& condition);

  // --- lists, in byte order, behind `after` (which need not exist)
  Result<Page<std::string>> tags(std::int64_t repository_id, std::string_view after, int limit);
  // From `start` on (itself when it is there), at most `limit`. O(limit).
  Result<std::vector<TagState>> tag_states(std::int64_t repository_id, std::string_view start,
                                           std::int64_t limit);
  // Ready-made descriptors (JSON) of the manifests whose subject is `subject`, in digest order,
  // behind the digest `after`; with `artifact_type` only those. Fallback-tag indexes that clients
  // pushed are merged in (entries whose manifest exists here), each digest once.
  struct Referrer {
    std::string digest;
    std::string descriptor_json;
  };
  Result<Page<Referrer>> referrers(std::int64_t repository_id, const oci::Digest& subject,
                                   std::string_view artifact_type, std::string_view after,
                                   int limit);

  // Links freshly stored bytes in the transaction of the upload's end. The first row of a digest
  // wins; gives the key that is not needed any more (the loser's) to be erased after COMMIT.
  static Result<std::optional<blob::BlobKey>> link_blob(db::Tx& tx, std::int64_t repository_id,
                                                        const oci::Digest& digest,
                                                        const blob::Committed& committed,
                                                        Timestamp now);

  struct State;  // of this module's own

 private:
  friend class Loose;  // shares the state: what it removes leaves the caches too
  Result<oci::Digest> tag_digest(std::int64_t repository_id, const oci::Tag& tag);

  std::shared_ptr<State> state_;
};

}  // namespace holdfast::repos
