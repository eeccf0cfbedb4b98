// What is scanned: the parts of one image, wherever they lie.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "oci/digest.hpp"
#include "oci/manifest.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scan {

inline constexpr std::string_view kTargetUnreadable = "target_unreadable";    // unavailable
inline constexpr std::string_view kTargetBroken = "target_broken";            // corrupt
inline constexpr std::string_view kTargetUnclear = "target_unclear";          // invalid: say which
inline constexpr std::string_view kTargetUnsupported = "target_unsupported";  // unsupported

// Bytes of a manifest, an index or a config; more is refused.
inline constexpr std::size_t kDocumentBytes = 4UZ << 20U;

struct Layer {
  std::optional<oci::Digest> digest{};  // nothing: that of its unpacked bytes
  std::string diff_id{};                // what the unpacked bytes must have; "": nobody says it
  std::string media_type{};
  bool is_there = true;  // one that is not pushed to registries lies at its vendor's
  std::uint64_t size_bytes = 0;
  // From the beginning. The bytes are compared with the digest: corrupt/kTargetBroken at their end.
  std::function<Result<worker::Source>()> open;
};

struct Target {
  std::optional<oci::Digest> digest{};  // of the manifest or, in an archive of docker save, the
                                        // config; nothing: that of the only layer
  std::string os{};
  std::string architecture{};
  std::vector<Layer> layers{};  // from the bottom up
  std::function<std::vector<std::string>()> remarks = [] { return std::vector<std::string>(); };
};

// "os/arch[/variant]". invalid/kTargetUnclear.
Result<oci::Platform> parse_platform(std::string_view text);

struct Document {
  std::string bytes;
  std::string media_type;
};

// What has manifests and blobs by their digests. Blocks; one thread.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<Document> manifest(const oci::Digest& digest) = 0;
  virtual Result<worker::Source> blob(const oci::Digest& digest) = 0;
};

// The image of a manifest, or of the platform when it is an index. Everything that has a digest is
// compared with it. corrupt/kTargetBroken, invalid/kTargetUnclear (no such platform),
// unsupported/kTargetUnsupported (no image).
Result<Target> open_image(const std::shared_ptr<Store>& store, const Document& document,
                          const oci::Platform& platform);

// The image of an OCI layout whose index.json this is; `name`: its reference or digest, "" when
// there is only one.
Result<Target> open_layout(const std::shared_ptr<Store>& store, std::string_view index,
                           std::string_view name, const oci::Platform& platform);

// By SHA-256.
oci::Digest digest_of(std::string_view bytes);
// The same bytes, compared with digest and size at their end.
worker::Source checked(worker::Source source, const oci::Digest& digest, std::uint64_t size_bytes);
// All bytes. too_large/kTargetBroken beyond `at_most`.
Result<std::string> read_all(const worker::Source& source, std::size_t at_most,
                             std::string_view what);
// corrupt/kTargetBroken for a text that is no JSON.
Result<boost::json::value> parse_document(std::string_view bytes, std::string_view what);

}  // namespace holdfast::scan
