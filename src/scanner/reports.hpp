// What is wrong with an image: its packages joined with the advisories in force. Made when somebody
// asks, and kept in memory for a while.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "advisories/database.hpp"
#include "base/fill_cache.hpp"
#include "base/result.hpp"
#include "oci/digest.hpp"
#include "packages/package.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/layers.hpp"
#include "scanner/scans.hpp"

namespace holdfast::scanner {

// One package of an image, in whatever places it lies.
struct Component {
  packages::Package package{};       // as the first of its places shows it
  std::vector<std::string> paths{};  // the first kPathsShown
  std::uint32_t layer = 0;           // that brought it first
  bool is_present = true;            // a later layer took it away: then nothing is looked up
  // What concerns it; null: nothing was looked up.
  std::shared_ptr<const advisories::Answer> answer{};
  [[nodiscard]] std::span<const advisories::Match> matches() const {
    return answer ? std::span(answer->matches) : std::span<const advisories::Match>();
  }

  static constexpr std::size_t kPathsShown = 100;
};

// "covered", "notCovered", "owned", or "removed" of what a later layer took away.
std::string_view coverage_word(const Component& component);
// CVSS's word, or "unknown" where nobody rated it.
std::string_view severity_word(const advisories::Match& match);

struct LayerReport {
  oci::Digest digest;
  LayerState state = LayerState::scanned;
  std::vector<std::uint32_t> components{};  // that it brought, by index
  std::vector<std::string> remarks{};       // what could not be read
};

struct ImageReport {
  oci::Digest digest;
  std::optional<packages::Release> release{};
  std::string advisories{};             // the version of these; "": there are none
  std::vector<LayerReport> layers{};    // from the bottom up
  std::vector<Component> components{};  // the worst first, then by name; those taken away last
  Counts counts{};
  std::int64_t not_covered = 0;  // present ones of which the advisories know nothing
};

// A finding counts for each package and vulnerability, as it is rated.
void count(const advisories::Match& match, Counts& counts);

// Components in their order, and each layer's list of them.
void put_in_order(ImageReport& report);

// What an image may have at most. A whole distribution has some thousands of packages; a stranger's
// database lists as many as fit, each with the thousand findings of a kernel.
inline constexpr std::size_t kComponentsAtMost = 50'000;
inline constexpr std::size_t kFindingsAtMost = 50'000;

// Pure: `reports` are those of the image's layers, in their order; nothing where there is none.
// `database` may be null. too_large/kImageTooLarge.
Result<ImageReport> join(const oci::Digest& digest, const Image& image,
                         const std::vector<oci::Digest>& layers,
                         const std::vector<std::optional<StoredLayer>>& reports,
                         advisories::Database* database);

// A list that was attached to an image (attachments.hpp), as it was read.
struct AttachedReport {
  oci::Digest blob;
  packages::Layer report{};
};
// What a package is found by that only such a list shows.
inline constexpr std::string_view kAttachedDetector = "sbom-attached";

// The image with what the lists show besides: packages of a type, name and version that it has
// already are not counted twice. Each list stands behind the layers. As join() otherwise.
Result<ImageReport> join_attached(const ImageReport& image,
                                  const std::vector<AttachedReport>& lists,
                                  advisories::Database* database);

// Threads: any; calls block.
class Reports {
 public:
  Reports(Scans& scans, Layers& layers, AdvisoryStore& advisories)
      : scans_(scans), layers_(layers), advisories_(advisories) {}

  // not_found/kNotScanned before the image's packages are known.
  Result<std::shared_ptr<const ImageReport>> find(const oci::Digest& digest);
  // The same with the lists of these blobs, those of them that were read.
  Result<std::shared_ptr<const ImageReport>> find(const oci::Digest& digest,
                                                  const std::vector<oci::Digest>& attached);
  // The same as the first from the advisories in force now, whatever is in memory; kept there.
  Result<std::shared_ptr<const ImageReport>> make(const oci::Digest& digest, const Image& image);
  // Another scan of it ended.
  void drop(const oci::Digest& digest) { cache_.drop(digest.text()); }

 private:
  Scans& scans_;
  Layers& layers_;
  AdvisoryStore& advisories_;
  FillCache<std::shared_ptr<const ImageReport>> cache_{64UZ << 20U};  // by bytes
  struct Extended {
    std::shared_ptr<const ImageReport> image;  // of which it was made
    std::shared_ptr<const ImageReport> report;
  };
  FillCache<Extended> extended_{16UZ << 20U};  // by bytes
};

}  // namespace holdfast::scanner
