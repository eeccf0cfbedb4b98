#include "scan/target.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <utility>

#include "blob/digesting.hpp"
#include "codec/json.hpp"
#include "scanner/scanner.hpp"

namespace holdfast::scan {

namespace json = boost::json;

namespace {

constexpr std::size_t kLayersAtMost = 500;
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

Error broken(std::string message) {
  return fail(ErrorCode::corrupt, kTargetBroken, std::move(message));
}

Result<void> compare(std::string_view bytes, const oci::Digest& digest) {
  blob::Digesting digesting(digest.algorithm());
  digesting.update(std::as_bytes(std::span(bytes)));
  if (digesting.digest() == digest) return {};
  return broken(fmt::format("the bytes of {} have another digest", digest.text()));
}

std::string text_of(const oci::Platform& platform) {
  return fmt::format("{}/{}{}{}", platform.os, platform.architecture,
                     platform.variant.empty() ? "" : "/", platform.variant);
}

bool fits(const oci::Platform& has, const oci::Platform& wanted) {
  return has.os == wanted.os && has.architecture == wanted.architecture &&
         (wanted.variant.empty() || has.variant == wanted.variant);
}

Result<oci::Descriptor> child_for(const std::vector<oci::Descriptor>& children,
                                  const oci::Platform& platform) {
  std::string known;
  for (const oci::Descriptor& child : children) {
    if (!child.platform) continue;
    if (fits(*child.platform, platform)) return child;
    if (child.platform->os == "unknown") continue;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", text_of(*child.platform));
  }
  return fail(ErrorCode::invalid, kTargetUnclear,
              fmt::format("there is no image for {}; say another one by --platform: {}",
                          text_of(platform), known.empty() ? "none is named" : known));
}

Result<oci::Manifest> parsed(const Document& document) {
  auto manifest = oci::parse_manifest(document.bytes, document.media_type);
  if (manifest) return manifest;
  return broken(fmt::format("the manifest cannot be read: {}", manifest.error().message));
}

Result<Target> image_of(const std::shared_ptr<Store>& store, const oci::Manifest& manifest,
                        const oci::Digest& digest) {
  if (!scanner::is_scannable(manifest) || !manifest.config) {
    return fail(ErrorCode::unsupported, kTargetUnsupported,
                "it is no image that packages could be in");
  }
  if (manifest.layers.size() > kLayersAtMost) {
    return broken(fmt::format("the image has more than {} layers", kLayersAtMost));
  }
  Target target{.digest = digest};
  const oci::Descriptor& config = *manifest.config;
  HF_TRY(const worker::Source source, store->blob(config.digest));
  HF_TRY(const std::string bytes,
         read_all(checked(source, config.digest, config.size_bytes), kDocumentBytes, "the config"));
  HF_TRY(const json::value says, parse_document(bytes, "the config"));
  target.os = codec::string_member(says, "os").value_or("");
  target.architecture = codec::string_member(says, "architecture").value_or("");
  for (const oci::Descriptor& layer : manifest.layers) {
    target.layers.push_back({.digest = layer.digest,
                             .media_type = layer.media_type,
                             .is_there = !oci::is_non_distributable(layer.media_type),
                             .size_bytes = layer.size_bytes,
                             .open = [store, digest = layer.digest,
                                      size = layer.size_bytes]() -> Result<worker::Source> {
                               HF_TRY(worker::Source opened, store->blob(digest));
                               return checked(std::move(opened), digest, size);
                             }});
  }
  return target;
}

}  // namespace

Result<oci::Platform> parse_platform(std::string_view text) {
  std::vector<std::string> parts;
  std::string_view rest = text;
  while (true) {
    const std::size_t slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  const bool empty = std::ranges::any_of(parts, [](const auto& part) { return part.empty(); });
  if (parts.size() < 2 || parts.size() > 3 || empty) {
    return fail(ErrorCode::invalid, kTargetUnclear,
                fmt::format("--platform is OS/ARCH or OS/ARCH/VARIANT, not \"{}\"", text));
  }
  return oci::Platform{.os = parts[0],
                       .architecture = parts[1],
                       .os_version = {},
                       .variant = parts.size() > 2 ? parts[2] : ""};
}

Result<Target> open_image(const std::shared_ptr<Store>& store, const Document& document,
                          const oci::Platform& platform) {
  Document chosen = document;
  HF_TRY(oci::Manifest manifest, parsed(chosen));
  if (manifest.kind == oci::ManifestKind::index) {
    HF_TRY(const oci::Descriptor child, child_for(manifest.children, platform));
    HF_TRY(chosen, store->manifest(child.digest));
    HF_CHECK(compare(chosen.bytes, child.digest));
    chosen.media_type = child.media_type;
    HF_TRY(manifest, parsed(chosen));
  }
  return image_of(store, manifest, digest_of(chosen.bytes));
}

Result<Target> open_layout(const std::shared_ptr<Store>& store, std::string_view index,
                           std::string_view name, const oci::Platform& platform) {
  HF_TRY(const json::value says, parse_document(index, "index.json"));
  const json::value* list = codec::member(says, "manifests");
  if (list == nullptr || !list->is_array()) return broken("index.json lists no manifests");
  std::vector<oci::Descriptor> found;
  std::string names;
  for (const json::value& entry : list->get_array()) {
    const auto digest = oci::Digest::parse(codec::string_member(entry, "digest").value_or(""));
    if (!digest) return broken("index.json names a manifest whose digest is none");
    std::string reference;
    if (const json::value* annotations = codec::member(entry, "annotations")) {
      reference = codec::string_member(*annotations, kRefName).value_or("");
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ",
                         reference.empty() ? digest->text() : reference);
    if (!name.empty() && name != reference && name != digest->text()) continue;
    oci::Descriptor descriptor{
        .media_type = std::string(codec::string_member(entry, "mediaType").value_or("")),
        .digest = *digest,
        .artifact_type = {},
        .platform = {}};
    if (const json::value* has = codec::member(entry, "platform")) {
      descriptor.platform = oci::Platform{
          .os = std::string(codec::string_member(*has, "os").value_or("")),
          .architecture = std::string(codec::string_member(*has, "architecture").value_or("")),
          .os_version = {},
          .variant = std::string(codec::string_member(*has, "variant").value_or(""))};
    }
    found.push_back(std::move(descriptor));
  }
  if (found.size() > 1 &&
      std::ranges::all_of(found, [](const auto& one) { return one.platform.has_value(); })) {
    HF_TRY(const oci::Descriptor child, child_for(found, platform));
    found = {child};
  }
  if (found.size() != 1) {
    return fail(ErrorCode::invalid, kTargetUnclear,
                fmt::format("say by --image which one is meant; there are: {}",
                            names.empty() ? "none" : names.substr(0, 2000)));
  }
  HF_TRY(Document document, store->manifest(found[0].digest));
  HF_CHECK(compare(document.bytes, found[0].digest));
  document.media_type = found[0].media_type;
  return open_image(store, document, platform);
}

oci::Digest digest_of(std::string_view bytes) {
  blob::Digesting digesting(oci::Algorithm::sha256);
  digesting.update(std::as_bytes(std::span(bytes)));
  return digesting.digest();
}

worker::Source checked(worker::Source source, const oci::Digest& digest, std::uint64_t size_bytes) {
  struct State {
    worker::Source source;
    oci::Digest digest;
    blob::Digesting digesting;
    std::uint64_t left;
  };
  const auto state = std::make_shared<State>(
      State{std::move(source), digest, blob::Digesting(digest.algorithm()), size_bytes});
  return [state](std::span<std::byte> into) -> Result<std::size_t> {
    HF_TRY(const std::size_t got, state->source(into));
    if (got > state->left || (got == 0 && state->left > 0)) {
      return broken(
          fmt::format("{} has not the size that its manifest says", state->digest.text()));
    }
    state->left -= got;
    if (got > 0) {
      state->digesting.update(into.first(got));
    } else if (state->digesting.digest() != state->digest) {
      return broken(fmt::format("the bytes of {} have another digest", state->digest.text()));
    }
    return got;
  };
}

Result<std::string> read_all(const worker::Source& source, std::size_t at_most,
                             std::string_view what) {
  std::string bytes;
  std::vector<std::byte> piece(64UZ << 10U);
  while (true) {
    HF_TRY(const std::size_t got, source(piece));
    if (got == 0) return bytes;
    if (bytes.size() + got > at_most) {
      return fail(ErrorCode::too_large, kTargetBroken,
                  fmt::format("{} has more than {} bytes", what, at_most));
    }
    bytes.append(reinterpret_cast<const char*>(piece.data()), got);
  }
}

Result<json::value> parse_document(std::string_view bytes, std::string_view what) {
  auto read = codec::parse_json(bytes);
  if (read) return read;
  return broken(fmt::format("{} cannot be read: {}", what, read.error().message));
}

}  // namespace holdfast::scan
