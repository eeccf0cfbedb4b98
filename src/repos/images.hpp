// Tags and manifests as people see them: who pushed them and when, and what an image's config says.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fill_cache.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "oci/manifest.hpp"
#include "repos/content.hpp"

namespace holdfast::repos {

// A manifest of a repository, and the tag that it was found by.
struct PushedManifest {
  StoredManifest stored;
  std::string author_uuid;  // of the account that pushed it first; empty when that is gone
  Timestamp pushed_at;
  std::string tag;  // empty in lists of manifests
  std::string tag_author_uuid;
  Timestamp tag_created_at;
  Timestamp tag_updated_at;
};

// What the config of an image says (OCI image-spec, config.md; Docker writes the same).
struct ImageConfig {
  std::string os;
  std::string architecture;
  std::string os_version;
  std::string author;
  std::string created;  // as it is written, RFC 3339
  struct Step {
    std::string created_by;
    bool is_empty_layer = false;
  };
  std::vector<Step> history;          // the first 1000, and of 256 KiB
  std::vector<std::string> diff_ids;  // of the unpacked layers, from the bottom up; the first 1000
  // How a container of it runs: `config` in the config.
  std::string user;
  std::string working_dir;
  std::vector<std::string> env;  // "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> ports;  // "80/tcp"
  std::map<std::string, std::string> labels;
};

// Threads: any; all calls block. Access is not decided here.
class Images {
 public:
  Images(db::Database& database, Content& content, blob::Store& blobs)
      : database_(database), content_(content), blobs_(blobs) {}

  // Tags in byte order from `start` on (itself when it is there), at most `limit`. O(limit).
  Result<std::vector<PushedManifest>> tags(std::int64_t repository_id, std::string_view start,
                                           std::int64_t limit);
  // The tag, or the first `limit` tags on the digest, which share its bytes; a digest without one
  // is given once, with an empty tag. not_found/kManifestUnknown.
  Result<std::vector<PushedManifest>> find(std::int64_t repository_id, const Reference& reference,
                                           std::int64_t limit);
  // Manifests in the order of their digests from `start` on, at most `limit`. O(limit).
  Result<std::vector<PushedManifest>> manifests(std::int64_t repository_id, std::string_view start,
                                                std::int64_t limit);
  // O(what they count).
  Result<std::int64_t> count_tags(std::int64_t repository_id);
  Result<std::int64_t> count_manifests(std::int64_t repository_id);

  // Nothing for what is no image, or for a config that is missing, too long or no JSON: a stranger
  // made it. Kept in memory by digest.
  Result<std::shared_ptr<const ImageConfig>> config(std::int64_t repository_id,
                                                    const oci::Manifest& manifest);

 private:
  Result<std::vector<PushedManifest>> on_digest(std::int64_t repository_id,
                                                const oci::Digest& digest, std::int64_t limit);

  db::Database& database_;
  Content& content_;
  blob::Store& blobs_;
  FillCache<std::shared_ptr<const ImageConfig>> configs_{32UZ << 20U};  // by bytes
};

}  // namespace holdfast::repos
