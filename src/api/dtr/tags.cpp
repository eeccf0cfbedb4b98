// /repositories/{namespace}/{repository}/tags and …/manifests.
#include <map>
#include <ranges>

#include "api/dtr/scanned_image.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;
using holdfast::oci::Descriptor;
using holdfast::oci::Manifest;
using repos::ImageConfig;
using repos::PushedManifest;
using repos::Repository;

// "Never", as DTR writes it.
constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

enum class Detail { brief, full };  // full: with the lines of the Dockerfile

// What a tag's entry says of an image.
struct Image {
  Manifest manifest;
  std::shared_ptr<const ImageConfig> config;  // null when there is none to read
};

Result<Image> image_of(const Services& services, const Repository& repository,
                       const repos::StoredManifest& stored) {
  Image image;
  HF_TRY(image.manifest, holdfast::oci::parse_manifest(*stored.bytes, stored.media_type));
  HF_TRY(image.config, services.images.config(repository.id, image.manifest));
  return image;
}

// The children of an index that the repository holds, of the first kPlatforms: an index has a
// dozen, and one with thousands must not make a list of tags slow.
constexpr std::size_t kPlatforms = 128;
Result<std::vector<repos::StoredManifest>> children(const Services& services,
                                                    const Repository& repository,
                                                    const Manifest& index) {
  std::vector<repos::StoredManifest> found;
  for (const Descriptor& child : index.children | std::views::take(kPlatforms)) {
    const auto stored = services.content.manifest(repository.id, repos::Reference(child.digest));
    if (!stored && stored.error().code == ErrorCode::not_found) continue;
    HF_CHECK(stored);
    found.push_back(**stored);
  }
  return found;
}

// The sizes of the images that indexes name, each read once for an answer: a thousand indexes may
// name the same.
class PlatformSizes {
 public:
  PlatformSizes(const Services& services, std::shared_ptr<const Repository> repository)
      : services_(services), repository_(std::move(repository)) {}

  Result<std::uint64_t> sum(const Manifest& index) {
    std::uint64_t sum = 0;
    for (const Descriptor& child : index.children | std::views::take(kPlatforms)) {
      HF_TRY(const std::uint64_t size, size_of(child.digest));
      sum += size;
    }
    return sum;
  }

 private:
  static constexpr std::size_t kKnownAtMost = 10'000;

  Result<std::uint64_t> size_of(const holdfast::oci::Digest& digest) {
    if (const auto known = known_.find(digest.text()); known != known_.end()) return known->second;
    if (known_.size() >= kKnownAtMost) known_.clear();
    std::uint64_t size = 0;
    const auto stored = services_.content.manifest(repository_->id, repos::Reference(digest));
    if (stored) {
      HF_TRY(const Manifest parsed,
             holdfast::oci::parse_manifest(*(*stored)->bytes, (*stored)->media_type));
      size = stated_bytes(parsed);
    } else if (stored.error().code != ErrorCode::not_found) {
      return stored.error();
    }
    known_.emplace(digest.text(), size);
    return size;
  }

  const Services& services_;
  const std::shared_ptr<const Repository> repository_;
  std::map<std::string, std::uint64_t> known_;
};

// The steps of the history in build order; each that made a layer takes the next one. A manifest
// may name one layer ten thousand times.
constexpr std::size_t kLinesAtMost = 1000;
boost::json::array dockerfile(const Image& image) {
  boost::json::array lines;
  std::size_t next = 0;
  const auto add = [&](std::string_view line, const Descriptor* layer) {
    lines.emplace_back(
        boost::json::object{{"line", line},
                            {"layerDigest", layer == nullptr ? "" : layer->digest.text()},
                            {"size", layer == nullptr ? 0 : layer->size_bytes},
                            {"isEmpty", layer == nullptr},
                            {"mediaType", layer == nullptr ? "" : layer->media_type},
                            {"urls", boost::json::array()}});
  };
  if (image.config) {
    for (const ImageConfig::Step& step : image.config->history) {
      const bool has_layer = !step.is_empty_layer && next < image.manifest.layers.size();
      add(step.created_by, has_layer ? &image.manifest.layers[next] : nullptr);
      if (has_layer) ++next;
    }
  }
  for (; next < image.manifest.layers.size() && lines.size() < kLinesAtMost; ++next) {
    add("", &image.manifest.layers[next]);
  }
  return lines;
}

// A stranger wrote it: what is no time is no time.
std::string created_at(const Image& image) {
  if (image.config && parse_rfc3339(image.config->created)) return image.config->created;
  return std::string(kNever);
}

// `platforms_size`: of the images that an index names, together.
boost::json::object shown_manifest(const PushedManifest& pushed, const Image& image,
                                   std::uint64_t platforms_size, Detail detail) {
  const Manifest& manifest = image.manifest;
  boost::json::array platforms;
  for (const Descriptor& child : manifest.children | std::views::take(kPlatforms)) {
    boost::json::object entry = {{"digest", child.digest.text()}, {"mediaType", child.media_type}};
    if (child.platform) {
      entry.emplace("os", child.platform->os);
      entry.emplace("architecture", child.platform->architecture);
      entry.emplace("variant", child.platform->variant);
    }
    platforms.emplace_back(std::move(entry));
  }
  boost::json::object object = {
      {"digest", pushed.stored.digest.text()},
      {"os", image.config ? image.config->os : ""},
      {"architecture", image.config ? image.config->architecture : ""},
      {"osVersion", image.config ? image.config->os_version : ""},
      {"mediaType", pushed.stored.media_type},
      {"configMediaType", manifest.config ? manifest.config->media_type : ""},
      {"configDigest", manifest.config ? manifest.config->digest.text() : ""},
      {"size", stated_bytes(manifest) + platforms_size},
      {"author", pushed.author_uuid},
      {"createdAt", created_at(image)}};
  if (!platforms.empty()) object.emplace("manifests", std::move(platforms));
  if (detail == Detail::full) object.emplace("dockerfile", dockerfile(image));
  return object;
}

boost::json::object shown_tag(const PushedManifest& pushed, boost::json::object manifest) {
  return {{"name", pushed.tag},
          {"digest", pushed.stored.digest.text()},
          {"author", pushed.tag_author_uuid},
          {"createdAt", rfc3339(pushed.tag_created_at)},
          {"updatedAt", rfc3339(pushed.tag_updated_at)},
          {"inNotary", false},
          {"hashMismatch", false},
          {"manifest", std::move(manifest)}};
}

// What a list says of the manifests of its tags. A thousand tags may be on one that takes long to
// read: the last ones are kept.
class ShownManifests {
 public:
  ShownManifests(const Services& services, std::shared_ptr<const Repository> repository,
                 Detail detail)
      : services_(services),
        repository_(std::move(repository)),
        detail_(detail),
        sizes_(services, repository_) {}

  Result<boost::json::object> of(const PushedManifest& row) {
    const std::string digest = row.stored.digest.text();
    if (const auto known = known_.find(digest); known != known_.end()) return known->second;
    HF_TRY(const Image image, image_of(services_, *repository_, row.stored));
    HF_TRY(const std::uint64_t size, sizes_.sum(image.manifest));
    if (known_.size() >= kKnownAtMost) known_.clear();
    return known_.emplace(digest, shown_manifest(row, image, size, detail_)).first->second;
  }

 private:
  static constexpr std::size_t kKnownAtMost = 8;
  const Services& services_;
  const std::shared_ptr<const Repository> repository_;
  const Detail detail_;
  PlatformSizes sizes_;
  std::map<std::string, boost::json::object> known_;
};

// A stranger's manifest has up to 4 MiB, and so has its config.
constexpr std::int64_t kImagesInMemory = 20;
Result<Page> images_page_of(const Call& call) {
  HF_TRY(Page page, page_of(call));
  page.step = kImagesInMemory;
  return page;
}

Answer list_tags(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(const Page page, images_page_of(call));
  const Detail detail = call.text("includeManifests") == "true" ? Detail::full : Detail::brief;
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, services.images.count_tags(repository->id));
  }
  const auto manifests = std::make_shared<ShownManifests>(services, repository, detail);
  return page_in_steps(
      services, page, "[", "]", total,
      [&services, repository](const std::string& start, std::int64_t limit) {
        return services.images.tags(repository->id, start, limit);
      },
      [](const PushedManifest& row) { return row.tag; },
      [manifests](const std::vector<PushedManifest>& rows) -> Result<boost::json::array> {
        boost::json::array shown;
        for (const PushedManifest& row : rows) {
          HF_TRY(boost::json::object manifest, manifests->of(row));
          shown.emplace_back(shown_tag(row, std::move(manifest)));
        }
        return shown;
      });
}

// Whether an entry is of the platform that the query asks for.
bool fits(const Call& call, const boost::json::object& manifest) {
  const std::string os = call.text("os");
  const std::string architecture = call.text("arch");
  return (os.empty() || manifest.at("os").as_string() == os) &&
         (architecture.empty() || manifest.at("architecture").as_string() == architecture);
}

// One platform of a tag, or all that it is.
struct Platform {
  boost::json::object manifest;
  boost::json::object scan;
};

// Of an index one entry per platform of it that the query asks for, else one. An index among them
// is not looked into.
Result<std::vector<Platform>> shown_platforms(const Services& services, const Call& call,
                                              const Repository& repository,
                                              const PushedManifest& pushed) {
  HF_TRY(const Image image, image_of(services, repository, pushed.stored));
  HF_TRY(auto platforms, children(services, repository, image.manifest));
  if (platforms.empty()) platforms.push_back(pushed.stored);
  std::vector<Platform> shown;
  PushedManifest entry = pushed;
  for (const repos::StoredManifest& platform : platforms) {
    entry.stored = platform;
    HF_TRY(const Image one, image_of(services, repository, platform));
    boost::json::object manifest = shown_manifest(entry, one, 0, Detail::full);
    if (!fits(call, manifest)) continue;
    HF_TRY(const ScanTarget target, scan_target(services, repository, platform));
    HF_TRY(const ScannedImage scan, scanned(services, repository, "", target, ScanWith::report));
    shown.push_back({std::move(manifest), tag_scan(scan)});
  }
  return shown;
}

// An entry per tag, of the first kTagsOfADigest, and per platform; all tags are on one manifest.
constexpr std::int64_t kTagsOfADigest = 100;
constexpr std::size_t kEntriesBytes = 128UZ << 20U;
Answer get_tag(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(const repos::Reference reference, repos::parse_reference(call.parameters[2]));
  HF_TRY(const auto rows, services.images.find(repository->id, reference, kTagsOfADigest));
  HF_TRY(auto platforms, shown_platforms(services, call, *repository, rows.front()));
  std::string text = "[";
  for (const PushedManifest& row : rows) {
    for (Platform& platform : platforms) {
      boost::json::object tag = shown_tag(row, platform.manifest);
      platform.scan["vuln_summary"].as_object()["tag"] = row.tag;
      tag.insert(platform.scan.begin(), platform.scan.end());
      if (text.size() > 1) text += ',';
      text += boost::json::serialize(tag);
      if (text.size() >= kEntriesBytes) return rest::json_text_response(200, text + "]");
    }
  }
  return rest::json_text_response(200, text + "]");
}

Answer list_manifests(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(const Page page, images_page_of(call));
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, services.images.count_manifests(repository->id));
  }
  const auto manifests = std::make_shared<ShownManifests>(services, repository, Detail::full);
  return page_in_steps(
      services, page, "[", "]", total,
      [&services, repository](const std::string& start, std::int64_t limit) {
        return services.images.manifests(repository->id, start, limit);
      },
      [](const PushedManifest& row) { return row.stored.digest.text(); },
      [manifests](const std::vector<PushedManifest>& rows) -> Result<boost::json::array> {
        boost::json::array shown;
        for (const PushedManifest& row : rows) {
          HF_TRY(boost::json::object manifest, manifests->of(row));
          shown.emplace_back(std::move(manifest));
        }
        return shown;
      });
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::delete_content));
  HF_TRY(const repos::Reference reference, repos::parse_reference(call.parameters[2]));
  HF_CHECK(services.content.remove(*repository, reference, call.actor()));
  return http::Response(204);
}

}  // namespace

std::uint64_t stated_bytes(const Manifest& manifest) {
  std::uint64_t sum = manifest.config ? manifest.config->size_bytes : 0;
  for (const Descriptor& layer : manifest.layers) {
    sum = std::min(sum, kStatedBytesAtMost) + std::min(layer.size_bytes, kStatedBytesAtMost);
  }
  return std::min(sum, kStatedBytesAtMost);
}

std::vector<rest::Route> tag_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/repositories/{namespace}/{repository}/tags", bound(services, list_tags)},
      {Method::get, "/repositories/{namespace}/{repository}/tags/{reference}",
       bound(services, get_tag)},
      {Method::del, "/repositories/{namespace}/{repository}/tags/{reference}",
       bound(services, remove)},
      {Method::get, "/repositories/{namespace}/{repository}/manifests",
       bound(services, list_manifests)},
      {Method::del, "/repositories/{namespace}/{repository}/manifests/{reference}",
       bound(services, remove)},
  };
}

}  // namespace holdfast::api::dtr
