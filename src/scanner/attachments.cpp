#include "scanner/attachments.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "blob/digesting.hpp"
#include "codec/json.hpp"
#include "oci/manifest.hpp"
#include "repos/referring.hpp"
#include "scanner/sbom.hpp"

namespace holdfast::scanner {

namespace {

namespace json = boost::json;

constexpr std::string_view kInToto = "application/vnd.in-toto+json";
constexpr std::array kLists = {kSpdxMediaType, kCyclonedxMediaType};
constexpr std::array kStatements = {
    kInToto, std::string_view("application/vnd.docker.attestation.manifest.v1+json")};
constexpr std::array kPredicates = {std::string_view("https://spdx.dev/Document"),
                                    std::string_view("https://cyclonedx.org/bom")};
constexpr std::int64_t kManifestsAtMost = 20;  // of each kind, for one image

std::string_view annotation(const json::value& descriptor, std::string_view name) {
  const json::value* annotations = codec::member(descriptor, "annotations");
  return annotations == nullptr ? std::string_view()
                                : codec::string_member(*annotations, name).value_or("");
}

// The descriptors in a list of a manifest.
json::array descriptors(const repos::StoredManifest& stored, std::string_view name) {
  const auto document = codec::parse_json(*stored.bytes);
  if (!document) return {};
  const json::value* list = codec::member(*document, name);
  return list != nullptr && list->is_array() ? list->get_array() : json::array();
}

class Finder {
 public:
  [[nodiscard]] bool is_full() const { return found_.size() >= kAttachedAtMost; }

  // Every layer of an artifact that is a list, or those of statements that state one.
  void add_layers(const repos::StoredManifest& stored, bool of_statements) {
    for (const json::value& layer : descriptors(stored, "layers")) {
      if (is_full()) return;
      if (of_statements &&
          std::ranges::find(kPredicates, annotation(layer, "in-toto.io/predicate-type")) ==
              kPredicates.end()) {
        continue;
      }
      const auto digest = oci::Digest::parse(codec::string_member(layer, "digest").value_or(""));
      const json::value* size = codec::member(layer, "size");
      if (!digest || size == nullptr || !size->is_int64() || size->get_int64() <= 0) continue;
      const bool is_known =
          std::ranges::any_of(found_, [&](const AttachedList& one) { return one.blob == *digest; });
      if (!is_known) {
        found_.push_back({*digest, static_cast<std::uint64_t>(size->get_int64())});
      }
    }
  }

  std::vector<AttachedList> take() { return std::move(found_); }

 private:
  std::vector<AttachedList> found_;
};

// The attestations of an image that an index names.
std::vector<oci::Digest> attestations(const repos::StoredManifest& index,
                                      const oci::Digest& image) {
  std::vector<oci::Digest> found;
  for (const json::value& child : descriptors(index, "manifests")) {
    if (annotation(child, "vnd.docker.reference.type") != "attestation-manifest" ||
        annotation(child, "vnd.docker.reference.digest") != image.text()) {
      continue;
    }
    auto digest = oci::Digest::parse(codec::string_member(child, "digest").value_or(""));
    if (digest) found.push_back(*std::move(digest));
    if (found.size() >= kAttachedAtMost) break;
  }
  return found;
}

}  // namespace

Result<std::vector<AttachedList>> Attachments::find(std::int64_t repository_id,
                                                    const oci::Digest& image) {
  Finder finder;
  HF_TRY(const auto lists,
         repos::referring(database_, repository_id, image, kLists, kManifestsAtMost));
  for (const repos::StoredManifest& list : lists) finder.add_layers(list, false);
  HF_TRY(const auto statements,
         repos::referring(database_, repository_id, image, kStatements, kManifestsAtMost));
  for (const repos::StoredManifest& statement : statements) finder.add_layers(statement, true);
  HF_TRY(const auto indexes, repos::indexes_of(database_, repository_id, image, kManifestsAtMost));
  for (const repos::StoredManifest& index : indexes) {
    for (const oci::Digest& digest : attestations(index, image)) {
      if (finder.is_full()) break;
      const auto stored = content_.manifest(repository_id, repos::Reference(digest));
      if (!stored && stored.error().code == ErrorCode::not_found) continue;
      HF_CHECK(stored);
      finder.add_layers(**stored, true);
    }
  }
  return finder.take();
}

Result<bool> Attachments::has_news(std::int64_t repository_id, const oci::Digest& image) {
  HF_TRY(const std::vector<AttachedList> lists, find(repository_id, image));
  for (const AttachedList& list : lists) {
    HF_TRY(const bool is_known, layers_.is_known(list.blob, kListReaderVersion));
    if (!is_known) return true;
  }
  return false;
}

Result<std::vector<oci::Digest>> Attachments::read_ones(std::int64_t repository_id,
                                                        const oci::Digest& image) {
  HF_TRY(const std::vector<AttachedList> lists, find(repository_id, image));
  std::vector<oci::Digest> known;
  for (const AttachedList& list : lists) {
    HF_TRY(const bool is_known, layers_.is_known(list.blob, kListReaderVersion));
    if (is_known) known.push_back(list.blob);
  }
  return known;
}

Result<oci::Digest> Attachments::attach(const repos::Repository& repository,
                                        const repos::StoredManifest& image,
                                        const Document& document, const events::Actor& actor) {
  constexpr std::string_view kNothing = "{}";  // image-spec, "Guidance for an Empty Descriptor"
  const auto store = [&](std::string_view bytes) -> Result<oci::Digest> {
    blob::Digesting digesting(oci::Algorithm::sha256);
    digesting.update(std::as_bytes(std::span(bytes)));
    const oci::Digest digest = digesting.digest();
    HF_TRY(uploads::Upload upload, uploads_.begin(repository, oci::Algorithm::sha256, actor));
    HF_CHECK(upload.append(std::as_bytes(std::span(bytes))));
    HF_CHECK(uploads_.finish(std::move(upload), repository, digest));
    return digest;
  };
  HF_TRY(const oci::Digest config, store(kNothing));
  HF_TRY(const oci::Digest layer, store(document.bytes));
  HF_CHECK(layers_.save(layer, LayerState::scanned, {}, kListReaderVersion));
  const auto descriptor = [](std::string_view type, const oci::Digest& digest, std::size_t size) {
    return json::object{{"mediaType", type}, {"digest", digest.text()}, {"size", size}};
  };
  const json::object manifest = {
      {"schemaVersion", 2},
      {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
      {"artifactType", document.media_type},
      {"config", descriptor("application/vnd.oci.empty.v1+json", config, kNothing.size())},
      {"layers", json::array{descriptor(document.media_type, layer, document.bytes.size())}},
      {"subject", descriptor(image.media_type, image.digest, image.bytes->size())},
      {"annotations", json::object{{"org.opencontainers.image.created", document.created_at}}}};
  HF_TRY(const repos::PutResult put,
         content_.put(repository,
                      {.tags = {},
                       .digest = {},
                       .content_type = "application/vnd.oci.image.manifest.v1+json",
                       .bytes = json::serialize(manifest)},
                      actor));
  return put.digest;
}

}  // namespace holdfast::scanner
