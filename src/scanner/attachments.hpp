// Lists of packages (SBOMs) that lie beside an image in its repository: artifacts that name it as
// their subject, and BuildKit's attestations in an index that names both. Who may push there says
// by them what the image has besides what was found in it, there and nowhere else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "oci/digest.hpp"
#include "repos/content.hpp"
#include "repos/repository.hpp"
#include "scanner/layers.hpp"
#include "uploads/uploads.hpp"

namespace holdfast::scanner {

// Of one image; what is above them is not looked at.
inline constexpr std::size_t kAttachedAtMost = 10;
// What a larger one lists does not count.
inline constexpr std::uint64_t kAttachedBytes = 32ULL << 20U;

struct AttachedList {
  oci::Digest blob;
  std::uint64_t size_bytes = 0;
};

// Threads: any; all calls block.
class Attachments {
 public:
  Attachments(db::Database& database, repos::Content& content, uploads::Uploads& uploads,
              Layers& layers)
      : database_(database), content_(content), uploads_(uploads), layers_(layers) {}

  // Those of an image, each blob once, at most kAttachedAtMost.
  Result<std::vector<AttachedList>> find(std::int64_t repository_id, const oci::Digest& image);
  // Whether one of them was not read yet.
  Result<bool> has_news(std::int64_t repository_id, const oci::Digest& image);
  // The blobs of those that were read, and show something.
  Result<std::vector<oci::Digest>> read_ones(std::int64_t repository_id, const oci::Digest& image);

  // Stores a document as an artifact whose subject is the image; the same twice is one. Durable;
  // events as of a push. Nothing is read from it: it says what the scan found. Errors: those of
  // Content::put.
  struct Document {
    std::string_view media_type;
    std::string_view bytes;
    std::string created_at;  // RFC 3339
  };
  Result<oci::Digest> attach(const repos::Repository& repository,
                             const repos::StoredManifest& image, const Document& document,
                             const events::Actor& actor);

 private:
  db::Database& database_;
  repos::Content& content_;
  uploads::Uploads& uploads_;
  Layers& layers_;
};

}  // namespace holdfast::scanner
