#include "oci/manifest.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <unordered_set>

#include "codec/json.hpp"

namespace holdfast::oci {

namespace {

namespace json = boost::json;

Error invalid(std::string message) {
  return fail(ErrorCode::invalid, kManifestInvalid, std::move(message));
}

std::string text_or_empty(const json::value& value, std::string_view name) {
  return std::string(codec::string_member(value, name).value_or(""));
}

Result<std::uint64_t> parse_size(const json::value& descriptor, std::string_view where) {
  const json::value* size = codec::member(descriptor, "size");
  if (size != nullptr && size->is_int64() && size->get_int64() >= 0) {
    return static_cast<std::uint64_t>(size->get_int64());
  }
  return invalid(fmt::format("{}: size must be a number of bytes, 0 or more", where));
}

Result<Descriptor> parse_descriptor(const json::value& value, std::string_view where) {
  if (!value.is_object()) return invalid(fmt::format("{} must be a descriptor object", where));
  const auto text = codec::string_member(value, "digest");
  if (!text) return invalid(fmt::format("{}: digest is missing", where));
  auto digest = Digest::parse(*text);
  if (!digest) return invalid(fmt::format("{}: {}", where, digest.error().message));
  HF_TRY(const std::uint64_t size, parse_size(value, where));
  Descriptor descriptor{text_or_empty(value, "mediaType"), *std::move(digest), size,
                        text_or_empty(value, "artifactType"), std::nullopt};
  if (const json::value* platform = codec::member(value, "platform")) {
    descriptor.platform =
        Platform{text_or_empty(*platform, "os"), text_or_empty(*platform, "architecture"),
                 text_or_empty(*platform, "os.version"), text_or_empty(*platform, "variant")};
  }
  return descriptor;
}

// An array of descriptors; absent and null count as empty.
Result<std::vector<Descriptor>> parse_descriptors(const json::value& root, std::string_view name) {
  std::vector<Descriptor> list;
  const json::value* value = codec::member(root, name);
  if (value == nullptr || value->is_null()) return list;
  if (!value->is_array()) return invalid(fmt::format("{} must be an array", name));
  list.reserve(value->get_array().size());
  for (const json::value& entry : value->get_array()) {
    HF_TRY(Descriptor descriptor,
           parse_descriptor(entry, fmt::format("{}[{}]", name, list.size())));
    list.push_back(std::move(descriptor));
  }
  return list;
}

// Sets media type and kind from the body's mediaType and the request's Content-Type.
Result<void> decide_media_type(const json::value& root, std::string_view content_type,
                               Manifest& manifest) {
  const std::string header = without_parameters(content_type);
  const json::value* field = codec::member(root, "mediaType");
  if (field != nullptr && !field->is_string()) return invalid("mediaType must be a string");
  const std::string body = text_or_empty(root, "mediaType");
  if (!body.empty() && !header.empty() && body != header) {
    return invalid(
        fmt::format("mediaType \"{}\" differs from the Content-Type \"{}\"", body, header));
  }
  const std::string media_type = body.empty() ? header : body;
  if (is_schema1(media_type)) {
    return invalid(
        "schema 1 manifests are not accepted: push the image again with a current client");
  }
  const auto kind = manifest_kind(media_type);
  if (!kind) {
    return invalid(media_type.empty()
                       ? std::string("neither Content-Type nor mediaType says what the manifest is")
                       : fmt::format("\"{}\" is not the type of a manifest", media_type));
  }
  manifest.media_type = media_type;
  manifest.kind = *kind;
  return {};
}

Result<void> parse_annotations(const json::value& root, Manifest& manifest) {
  const json::value* value = codec::member(root, "annotations");
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_object()) return invalid("annotations must be an object");
  for (const auto& [key, text] : value->get_object()) {
    if (!text.is_string()) return invalid("annotations must have strings as values");
    manifest.annotations.emplace_back(key, text.get_string());
  }
  return {};
}

}  // namespace

std::vector<Descriptor> Manifest::required_blobs() const {
  std::vector<Descriptor> required;
  std::unordered_set<std::string_view> seen;
  const auto add = [&](const Descriptor& descriptor) {
    if (seen.insert(descriptor.digest.text()).second) required.push_back(descriptor);
  };
  if (config) add(*config);
  for (const Descriptor& layer : layers) {
    if (!is_non_distributable(layer.media_type)) add(layer);
  }
  return required;
}

std::string_view Manifest::effective_artifact_type() const {
  if (!artifact_type.empty() || !config) return artifact_type;
  return config->media_type;
}

Result<Manifest> parse_manifest(std::string_view bytes, std::string_view content_type) {
  auto parsed = codec::parse_json(bytes);
  if (!parsed) return invalid(std::move(parsed.error().message));
  const json::value& root = *parsed;
  if (!root.is_object()) return invalid("a manifest is a JSON object");
  const json::value* version = codec::member(root, "schemaVersion");
  if (version != nullptr && version->is_int64() && version->get_int64() == 1) {
    return invalid(
        "schema 1 manifests are not accepted: push the image again with a current client");
  }
  if (version == nullptr || !version->is_int64() || version->get_int64() != 2) {
    return invalid("schemaVersion must be 2");
  }
  Manifest manifest;
  HF_CHECK(decide_media_type(root, content_type, manifest));
  manifest.artifact_type = text_or_empty(root, "artifactType");
  HF_CHECK(parse_annotations(root, manifest));
  if (const json::value* subject = codec::member(root, "subject"); subject && !subject->is_null()) {
    HF_TRY(manifest.subject, parse_descriptor(*subject, "subject"));
  }
  if (manifest.kind == ManifestKind::index) {
    // The body of one kind under the type of the other would be read differently by two clients.
    if (codec::member(root, "layers") || codec::member(root, "config")) {
      return invalid("an index has neither config nor layers");
    }
    HF_TRY(manifest.children, parse_descriptors(root, "manifests"));
    return manifest;
  }
  if (codec::member(root, "manifests")) return invalid("an image manifest has no manifests");
  const json::value* config = codec::member(root, "config");
  if (config == nullptr) return invalid("config is missing");
  HF_TRY(manifest.config, parse_descriptor(*config, "config"));
  HF_TRY(manifest.layers, parse_descriptors(root, "layers"));
  return manifest;
}

std::string referrer_descriptor(const Manifest& manifest, const Digest& digest,
                                std::uint64_t size_bytes) {
  std::string text = R"({"mediaType":)";
  codec::append_json_string(text, manifest.media_type);
  text += fmt::format(R"(,"size":{},"digest":"{}")", size_bytes, digest.text());
  if (const std::string_view type = manifest.effective_artifact_type(); !type.empty()) {
    text += R"(,"artifactType":)";
    codec::append_json_string(text, type);
  }
  if (!manifest.annotations.empty()) {
    text += R"(,"annotations":{)";
    for (const auto& [key, value] : manifest.annotations) {
      if (text.back() != '{') text += ',';
      codec::append_json_string(text, key);
      text += ':';
      codec::append_json_string(text, value);
    }
    text += '}';
  }
  return text + "}";
}

std::string fallback_tag(const Digest& subject) {
  return std::string(name(subject.algorithm())) + "-" + std::string(subject.hex().substr(0, 64));
}

}  // namespace holdfast::oci
