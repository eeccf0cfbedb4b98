// The media types that Holdfast stores as manifests, and those that it knows by heart.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::oci {

inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciEmpty = "application/vnd.oci.empty.v1+json";

enum class ManifestKind { image, index };

// image for the two image manifests, index for manifest list and index, nothing for any other type
// (schema 1 among them). Parameters must be cut off before.
std::optional<ManifestKind> manifest_kind(std::string_view media_type);
// The schema 1 types that were removed everywhere: they get a sentence of their own.
bool is_schema1(std::string_view media_type);
// Layers that are never pushed: Docker's foreign and OCI's non-distributable ones.
bool is_non_distributable(std::string_view media_type);
// "application/json; charset=utf-8" -> "application/json": lower case, no parameters, no blanks.
std::string without_parameters(std::string_view content_type);

}  // namespace holdfast::oci
