#include "scan/archive.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>

#include "codec/json.hpp"
#include "scan/folder_tar.hpp"
#include "scan/tar_file.hpp"

namespace holdfast::scan {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

Error broken(std::string message) {
  return fail(ErrorCode::corrupt, kTargetBroken, std::move(message));
}

std::string blob_path(const oci::Digest& digest) {
  return fmt::format("blobs/{}/{}", oci::name(digest.algorithm()), digest.hex());
}

// An OCI layout, in a folder or in a tar.
class Layout : public Store {
 public:
  // A member by a path that was made of a digest or is a constant.
  virtual Result<worker::Source> file(const std::string& path) = 0;

  Result<Document> manifest(const oci::Digest& digest) override {
    HF_TRY(const worker::Source source, file(blob_path(digest)));
    HF_TRY(std::string bytes, read_all(source, kDocumentBytes, "the manifest"));
    return Document{.bytes = std::move(bytes), .media_type = {}};
  }
  Result<worker::Source> blob(const oci::Digest& digest) override {
    return file(blob_path(digest));
  }
};

class FolderLayout final : public Layout {
 public:
  explicit FolderLayout(fs::path folder) : folder_(std::move(folder)) {}
  Result<worker::Source> file(const std::string& path) override {
    HF_TRY(const auto opened, InputFile::open(folder_ / path));
    return source_of(opened, 0, opened->size_bytes());
  }

 private:
  const fs::path folder_;
};

class TarLayout final : public Layout {
 public:
  explicit TarLayout(std::shared_ptr<TarFile> tar) : tar_(std::move(tar)) {}
  Result<worker::Source> file(const std::string& path) override { return tar_->read(path); }

 private:
  const std::shared_ptr<TarFile> tar_;
};

Result<Target> open_layout_of(const std::shared_ptr<Layout>& layout, std::string_view name,
                              const oci::Platform& platform) {
  HF_TRY(const worker::Source source, layout->file("index.json"));
  HF_TRY(const std::string index, read_all(source, kDocumentBytes, "index.json"));
  return open_layout(layout, index, name, platform);
}

// The entry of manifest.json that is meant.
Result<json::value> saved_image(const json::value& list, std::string_view name) {
  if (!list.is_array() || list.get_array().empty()) return broken("manifest.json lists no image");
  std::vector<json::value> found;
  std::string names;
  for (const json::value& entry : list.get_array()) {
    bool is_meant = name.empty();
    if (const json::value* tags = codec::member(entry, "RepoTags");
        tags != nullptr && tags->is_array()) {
      for (const json::value& tag : tags->get_array()) {
        if (!tag.is_string()) continue;
        const std::string_view text = tag.get_string();
        names += fmt::format("{}{}", names.empty() ? "" : ", ", text);
        is_meant = is_meant || text == name;
      }
    }
    if (is_meant) found.push_back(entry);
  }
  if (found.size() == 1) return found[0];
  return fail(ErrorCode::invalid, kTargetUnclear,
              fmt::format("say by --image which one is meant; there are: {}",
                          names.empty() ? "images without names" : names.substr(0, 2000)));
}

std::vector<std::string> texts_of(const json::value* list) {
  std::vector<std::string> texts;
  if (list == nullptr || !list->is_array()) return texts;
  for (const json::value& text : list->get_array()) {
    texts.emplace_back(text.is_string() ? std::string_view(text.get_string()) : "");
  }
  return texts;
}

// docker save: the layers are known by what they unpack to, which the config lists. The image's own
// digest is that of its config.
Result<Target> open_saved(const std::shared_ptr<TarFile>& tar, std::string_view name) {
  HF_TRY(const worker::Source source, tar->read("manifest.json"));
  HF_TRY(const std::string text, read_all(source, kDocumentBytes, "manifest.json"));
  HF_TRY(const json::value list, parse_document(text, "manifest.json"));
  HF_TRY(const json::value image, saved_image(list, name));
  HF_TRY(const worker::Source config_source,
         tar->read(codec::string_member(image, "Config").value_or("")));
  HF_TRY(const std::string bytes, read_all(config_source, kDocumentBytes, "the config"));
  HF_TRY(const json::value config, parse_document(bytes, "the config"));
  const json::value* rootfs = codec::member(config, "rootfs");
  const auto diff_ids = texts_of(rootfs == nullptr ? nullptr : codec::member(*rootfs, "diff_ids"));
  const auto files = texts_of(codec::member(image, "Layers"));
  if (files.empty() || files.size() != diff_ids.size()) {
    return broken("manifest.json and the image's config name different layers");
  }
  Target target{.digest = digest_of(bytes)};
  target.os = codec::string_member(config, "os").value_or("");
  target.architecture = codec::string_member(config, "architecture").value_or("");
  for (std::size_t i = 0; i < files.size(); ++i) {
    HF_TRY(const oci::Digest digest, oci::Digest::parse(diff_ids[i]));
    if (!tar->has(files[i])) return broken(fmt::format("the archive lacks {}", files[i]));
    target.layers.push_back({.digest = digest,
                             .diff_id = digest.text(),
                             .media_type = "application/vnd.oci.image.layer.v1.tar",
                             .open = [tar, file = files[i]] { return tar->read(file); }});
  }
  return target;
}

// A root file system is an image of one layer.
Target open_root(const fs::path& folder) {
  struct State {
    std::shared_ptr<FolderTar> tar;
  };
  const auto state = std::make_shared<State>();
  Target target;
  target.layers.push_back({.media_type = "application/vnd.oci.image.layer.v1.tar",
                           .open = [state, folder]() -> Result<worker::Source> {
                             HF_TRY(state->tar, FolderTar::open(folder));
                             return worker::Source([tar = state->tar](std::span<std::byte> into) {
                               return Result<std::size_t>(tar->read(into));
                             });
                           }});
  target.remarks = [state] {
    return state->tar ? state->tar->remarks() : std::vector<std::string>();
  };
  return target;
}

}  // namespace

Result<Target> open_path(const fs::path& given, std::string_view name,
                         const oci::Platform& platform) {
  std::error_code problem;
  fs::path path = fs::canonical(given, problem);
  if (problem) path = given;
  if (fs::is_directory(path, problem)) {
    if (!fs::is_regular_file(path / "oci-layout", problem)) {
      if (name.empty()) return open_root(path);
      return fail(ErrorCode::invalid, kTargetUnclear,
                  fmt::format("{} is no OCI layout: --image says nothing here", path.string()));
    }
    return open_layout_of(std::make_shared<FolderLayout>(path), name, platform);
  }
  HF_TRY(const auto tar, TarFile::open(path));
  if (tar->has("index.json")) {
    return open_layout_of(std::make_shared<TarLayout>(tar), name, platform);
  }
  if (tar->has("manifest.json")) return open_saved(tar, name);
  return fail(ErrorCode::unsupported, kTargetUnsupported,
              fmt::format("{} holds no image: neither index.json (OCI) nor manifest.json (docker "
                          "save); a root file system is scanned as a folder",
                          path.string()));
}

}  // namespace holdfast::scan
