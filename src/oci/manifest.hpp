// Manifests and indexes: parsed for what the registry must know, never re-serialised.
// OCI image-spec 1.1 (manifest.md, image-index.md), Docker image manifest V2 schema 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "oci/digest.hpp"
#include "oci/media_type.hpp"

namespace holdfast::oci {

inline constexpr std::string_view kManifestInvalid = "manifest_invalid";  // invalid

struct Platform {
  std::string os;
  std::string architecture;
  std::string os_version;
  std::string variant;
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size_bytes = 0;
  std::string artifact_type;         // empty when absent
  std::optional<Platform> platform;  // children of an index
};

// What a manifest says. `blobs` holds config and layers in their order, non-distributable layers
// left out: all of them must be in the repository. `children` are the manifests of an index.
struct Manifest {
  ManifestKind kind = ManifestKind::image;
  std::string media_type;     // the one it is stored and served under
  std::string artifact_type;  // as written; empty when absent
  std::optional<Descriptor> config;
  std::vector<Descriptor> layers;  // all, non-distributable ones too
  std::vector<Descriptor> children;
  std::optional<Descriptor> subject;
  std::vector<std::pair<std::string, std::string>> annotations;  // in the order they stand

  // Config and layers that must exist as blobs, each digest once.
  [[nodiscard]] std::vector<Descriptor> required_blobs() const;
  // What a referrers list says for it: artifactType, else config.mediaType (image), else empty.
  [[nodiscard]] std::string_view effective_artifact_type() const;
};

// Parses the bytes a client PUT. `content_type` is the request's (parameters are ignored; may be
// empty when the body names its type). invalid/kManifestInvalid says what is wrong: not JSON, a
// duplicate key, schemaVersion not 2, a body mediaType that differs from the Content-Type, schema
// 1, an unknown type, a descriptor without digest, size below 0, more than 64 levels of nesting.
// Unknown fields are fine. `layers: null` is an empty list.
Result<Manifest> parse_manifest(std::string_view bytes, std::string_view content_type);

// The entry for a referrers list (distribution-spec 1.1 "Listing Referrers"): mediaType, size,
// digest, artifactType when there is one, all annotations and nothing else; JSON.
std::string referrer_descriptor(const Manifest& manifest, const Digest& digest,
                                std::uint64_t size_bytes);

// The tag under which clients without the referrers API keep a subject's index:
// "sha256-<64 hex>" (algorithm cut to 32, encoded part to 64 characters).
std::string fallback_tag(const Digest& subject);

}  // namespace holdfast::oci
