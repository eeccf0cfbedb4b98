#include "oci/media_type.hpp"

#include <algorithm>

namespace holdfast::oci {

std::optional<ManifestKind> manifest_kind(std::string_view media_type) {
  if (media_type == kDockerManifest || media_type == kOciManifest) return ManifestKind::image;
  if (media_type == kDockerManifestList || media_type == kOciIndex) return ManifestKind::index;
  return std::nullopt;
}

bool is_schema1(std::string_view media_type) {
  return media_type == "application/vnd.docker.distribution.manifest.v1+prettyjws" ||
         media_type == "application/vnd.docker.distribution.manifest.v1+json";
}

bool is_non_distributable(std::string_view media_type) {
  return media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" ||
         media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar" ||
         media_type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar");
}

std::string without_parameters(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!content_type.empty() && is_blank(content_type.front())) content_type.remove_prefix(1);
  while (!content_type.empty() && is_blank(content_type.back())) content_type.remove_suffix(1);
  std::string text(content_type);
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

}  // namespace holdfast::oci
