#include "scanner/image.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace holdfast::scanner {

namespace {

using packages::Layer;
using packages::Package;

// Members looked up among the names of a layer, for one image.
constexpr std::uint64_t kLookupsAtMost = 30'000'000;

struct Place {
  std::size_t layer = 0;
  std::size_t entry = 0;  // in Image::layers[layer]
};

// What makes two packages of a distribution the same one in two databases.
using Identity = std::tuple<packages::Type, std::string_view, std::string_view, std::string_view>;

Identity identity_of(const Package& package) {
  return {package.type, package.name, package.version, package.architecture};
}

// The names of one layer that take something away from below.
class Cover {
 public:
  explicit Cover(const Layer& layer)
      : files_(layer.files),
        removed_(layer.removed.begin(), layer.removed.end()),
        emptied_(layer.emptied.begin(), layer.emptied.end()) {}

  [[nodiscard]] bool takes_anything() const {
    return !files_.empty() || !removed_.empty() || !emptied_.empty();
  }

  // Whether a member from below is seen no more: it or a folder that it is in was removed, or
  // replaced by something that is no folder, or it is in a folder that was emptied.
  [[nodiscard]] bool takes(std::string_view member) const {
    if (emptied_.contains("")) return true;
    for (std::string_view part = member;;) {
      if (std::ranges::binary_search(files_, part) || removed_.contains(part)) return true;
      const std::size_t slash = part.rfind('/');
      if (slash == std::string_view::npos) return false;
      part = part.substr(0, slash);
      if (emptied_.contains(part)) return true;
    }
  }

 private:
  const std::vector<std::string>& files_;
  std::set<std::string_view> removed_;
  std::set<std::string_view> emptied_;
};

class Assembler {
 public:
  Result<void> add(const Layer& layer, std::size_t number, std::vector<Brought>& brought) {
    HF_CHECK(spend(layer.packages.size() + (layer.databases.empty() ? 0 : entries_)));
    const std::map<Identity, Place> below =
        layer.databases.empty() ? std::map<Identity, Place>{} : of_databases();
    const Cover cover(layer);
    if (cover.takes_anything()) {
      HF_CHECK(drop_covered(cover));
      if (release_ != nullptr && cover.takes(release_->path)) release_ = nullptr;
    }
    if (layer.release) {
      release_ = &*layer.release;
      release_layer_ = static_cast<std::uint32_t>(number);
    }
    if (replaces_rpm(layer)) drop_rpm();
    const std::set<std::string_view> databases(layer.databases.begin(), layer.databases.end());
    for (std::size_t i = 0; i < layer.packages.size(); ++i) {
      const Package& package = layer.packages[i];
      const bool is_listed = databases.contains(packages::member_of(package));
      if (is_listed) {
        const auto found = below.find(identity_of(package));
        if (found != below.end()) {
          keep(package, found->second);
          continue;
        }
      }
      ++entries_;
      const Place place{number, brought.size()};
      brought.push_back({.package = static_cast<std::uint32_t>(i)});
      seen_[std::string(packages::member_of(package))].push_back(
          {.package = &package, .place = place, .is_listed = is_listed});
    }
    return {};
  }

  [[nodiscard]] std::vector<Place> present() const {
    std::vector<Place> places;
    for (const auto& [member, entries] : seen_) {
      for (const Entry& entry : entries) places.push_back(entry.place);
    }
    return places;
  }
  [[nodiscard]] std::optional<std::uint32_t> release_layer() const {
    return release_ == nullptr ? std::nullopt : std::optional(release_layer_);
  }

 private:
  struct Entry {
    const Package* package = nullptr;
    Place place;             // where it was brought
    bool is_listed = false;  // by a database that holds many
  };

  [[nodiscard]] std::map<Identity, Place> of_databases() const {
    std::map<Identity, Place> found;
    for (const auto& [member, entries] : seen_) {
      for (const Entry& entry : entries) {
        if (entry.is_listed) found.emplace(identity_of(*entry.package), entry.place);
      }
    }
    return found;
  }

  // What an image costs to be put together is bounded.
  Result<void> spend(std::size_t lookups) {
    lookups_ += lookups;
    if (lookups_ <= kLookupsAtMost) return {};
    return fail(ErrorCode::too_large, kImageTooLarge,
                "the image has too many packages in too many layers to be put together");
  }

  Result<void> drop_covered(const Cover& cover) {
    HF_CHECK(spend(seen_.size()));
    std::erase_if(seen_, [&](const auto& entry) { return cover.takes(entry.first); });
    return {};
  }

  // rpm reads one database, whatever its format and place.
  static bool replaces_rpm(const Layer& layer) {
    return std::ranges::any_of(layer.databases,
                               [](const std::string& path) { return path.contains("rpm"); });
  }
  void drop_rpm() {
    std::erase_if(seen_, [](const auto& entry) {
      return entry.second.front().is_listed &&
             entry.second.front().package->type == packages::Type::rpm;
    });
  }

  void keep(const Package& package, Place place) {
    seen_[std::string(packages::member_of(package))].push_back(
        {.package = &package, .place = place, .is_listed = true});
  }

  std::unordered_map<std::string, std::vector<Entry>> seen_;  // by member; none is empty
  std::size_t entries_ = 0;                                   // that were ever seen
  std::uint64_t lookups_ = 0;
  const packages::Release* release_ = nullptr;
  std::uint32_t release_layer_ = 0;  // that has it
};

}  // namespace

Result<Image> assemble(std::span<const Layer* const> layers) {
  Image image;
  image.layers.resize(layers.size());
  Assembler assembler;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i] == nullptr) continue;
    HF_CHECK(assembler.add(*layers[i], i, image.layers[i]));
  }
  for (const Place& place : assembler.present()) {
    image.layers[place.layer][place.entry].is_present = true;
  }
  image.release_layer = assembler.release_layer();
  return image;
}

}  // namespace holdfast::scanner
