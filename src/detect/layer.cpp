#include "detect/layer.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "codec/text.hpp"
#include "detect/distributions.hpp"
#include "detect/owners.hpp"
#include "detect/scratch.hpp"
#include "detect/tree.hpp"

namespace holdfast::detect {

namespace {

constexpr std::size_t kDatabaseBytes = 48UZ << 20U;
constexpr std::size_t kListBytes = 8UZ << 20U;
constexpr std::size_t kCopyrightBytes = 1UZ << 20U;
// They come back as arguments of a program.
constexpr std::size_t kAgainAtMost = 2'000;
constexpr std::size_t kAgainBytes = 512UZ << 10U;

constexpr std::string_view kStatus = "var/lib/dpkg/status";
constexpr std::string_view kStatusFolder = "var/lib/dpkg/status.d";
constexpr std::string_view kInfoFolder = "var/lib/dpkg/info/";
constexpr std::string_view kDocFolder = "usr/share/doc/";
constexpr std::array<std::string_view, 2> kApk = {"lib/apk/db/installed",
                                                  "usr/lib/apk/db/installed"};
constexpr std::array<std::string_view, 2> kReleases = {"etc/os-release", "usr/lib/os-release"};
constexpr std::string_view kAlpineRelease = "etc/alpine-release";

// What is read at the end, wherever links lead.
bool is_database(std::string_view path) {
  return path == kStatus || std::ranges::find(kApk, path) != kApk.end() ||
         std::ranges::find(kReleases, path) != kReleases.end() || path == kAlpineRelease ||
         is_rpm_database(path);
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() + 1 && path.starts_with(folder) && path[folder.size()] == '/';
}

// "usr/share/doc/NAME/copyright": the name.
std::optional<std::string_view> documented(std::string_view path) {
  if (!path.starts_with(kDocFolder) || !path.ends_with("/copyright")) return std::nullopt;
  path.remove_prefix(kDocFolder.size());
  const std::string_view name = path.substr(0, path.find('/'));
  if (path.size() != name.size() + std::string_view("/copyright").size()) return std::nullopt;
  return name;
}

// The magic numbers of ELF, PE and Mach-O, of any width and order.
bool is_program(std::string_view begin) {
  constexpr std::array<std::string_view, 6> kMagic = {std::string_view("\x7f"
                                                                       "ELF"),
                                                      std::string_view("MZ"),
                                                      std::string_view("\xfe\xed\xfa\xce"),
                                                      std::string_view("\xfe\xed\xfa\xcf"),
                                                      std::string_view("\xce\xfa\xed\xfe"),
                                                      std::string_view("\xcf\xfa\xed\xfe")};
  return std::ranges::any_of(kMagic,
                             [&](std::string_view magic) { return begin.starts_with(magic); });
}

// What a text that may grow to `at_most` bytes begins with: doubled again and again it comes to
// that exactly. Otherwise it comes to nearly twice as much, more than a worker may have.
std::uint64_t first_room(std::uint64_t at_most) { return at_most >> 8U; }

class LayerReader {
 public:
  explicit LayerReader(const LayerOptions& options) : options_(options) {}

  Result<LayerRead> read(Pull pull) {
    HF_TRY(const auto archive, ArchiveReader::open(ArchiveReader::Kind::layer, std::move(pull),
                                                   options_.unpacked_bytes));
    Member member;
    while (true) {
      HF_TRY(const bool more, archive->next(member));
      if (!more) break;
      HF_CHECK(take(*archive, member));
    }
    HF_CHECK(archive->drain());
    read_databases();
    read_hard_links();
    name_owners();
    return result(*archive);
  }

 private:
  Result<void> take(ArchiveReader& archive, const Member& member) {
    const std::string path = normal_path(member.name);
    if (path.empty()) return {};  // the root
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    const std::string_view name = std::string_view(path).substr(folder.empty() ? 0 : slash + 1);
    if (name == ".wh..wh..opq") return tree_.add_emptied(folder);
    if (name.starts_with(".wh..wh.")) return {};  // aufs's own
    if (name.starts_with(".wh.")) {
      std::string gone(name.substr(std::string_view(".wh.").size()));
      if (gone.empty()) return {};
      return tree_.add_removed(folder.empty() ? gone : folder + "/" + gone);
    }
    if (member.is_null_device) return tree_.add_removed(path);
    forget(path);
    switch (member.kind) {
      case Member::Kind::folder:
        return tree_.add_folder(path);
      case Member::Kind::symlink:
        return tree_.add_symlink(path, member.target);
      case Member::Kind::hard_link:
        return tree_.add_hard_link(path, member.target);
      case Member::Kind::file:
        HF_CHECK(tree_.add_file(path));
        return take_file(archive, path);
      case Member::Kind::device:
      case Member::Kind::other:
        return tree_.add_file(path);
    }
    return {};
  }

  // A later member takes the place of an earlier one, and of what was found in it.
  void forget(const std::string& path) {
    if (shown_.erase(path) != 0) replaced_[path] = found_.packages().size();
  }

  Result<void> take_file(ArchiveReader& archive, const std::string& path) {
    if (is_database(path) || is_below(path, kStatusFolder) || options_.also_kept.contains(path)) {
      return keep(archive, path);
    }
    if (path.starts_with(kInfoFolder) && path.ends_with(".list")) {
      HF_TRY(const auto bytes, whole(archive, path, kListBytes));
      if (bytes) read_dpkg_list({path, *bytes}, owners_);
      return {};
    }
    if (const auto package = documented(path)) {
      HF_TRY(const auto bytes, whole(archive, path, kCopyrightBytes));
      if (bytes) licenses_.emplace(*package, licenses_of_copyright(*bytes));
      return {};
    }
    std::uint64_t size_bytes = 0;
    for (const Detector& detector : options_.detectors) {
      if (detector.wants(path)) size_bytes = std::max(size_bytes, detector.size_bytes_at_most);
    }
    if (size_bytes > 0) {
      HF_TRY(const auto bytes, whole(archive, path, size_bytes));
      if (bytes) detect(path, *bytes);
      return {};
    }
    return take_program(archive, path);
  }

  Result<void> take_program(ArchiveReader& archive, const std::string& path) {
    HF_TRY(const std::string_view begin, archive.piece());
    if (!is_program(begin)) return {};
    program_.reserve(first_room(kProgramBytes));
    program_.assign(begin);
    while (program_.size() < kProgramBytes) {
      HF_TRY(const std::string_view piece, archive.piece());
      if (piece.empty()) break;
      program_.append(piece.substr(0, kProgramBytes - program_.size()));
    }
    shown_.insert(path);
    options_.detect_program({path, program_}, found_);
    // An assigned string would keep its room.
    if (program_.capacity() > kProgramBytes / 4) std::string().swap(program_);
    return {};
  }

  // A member's bytes, or nothing, with a remark, when there are too many.
  Result<std::optional<std::string>> whole(ArchiveReader& archive, const std::string& path,
                                           std::uint64_t size_bytes) {
    std::string bytes;
    bytes.reserve(first_room(size_bytes));
    while (true) {
      HF_TRY(const std::string_view piece, archive.piece());
      if (piece.empty()) return std::optional(std::move(bytes));
      if (bytes.size() + piece.size() > size_bytes) {
        found_.remark(fmt::format("{}: larger than the {} that are read of such a file", path,
                                  codec::size_text(static_cast<double>(size_bytes))));
        return std::optional<std::string>();
      }
      bytes += piece;
    }
  }

  Result<void> keep(ArchiveReader& archive, const std::string& path) {
    HF_TRY(auto bytes, whole(archive, path, kDatabaseBytes));
    if (bytes && !tree_.keep(path, std::move(*bytes))) {
      found_.remark(fmt::format("{}: too much is to be kept in memory", path));
    }
    return {};
  }

  void detect(const std::string& path, std::string_view bytes) {
    for (const Detector& detector : options_.detectors) {
      if (!detector.wants(path)) continue;
      shown_.insert(path);
      if (bytes.size() <= detector.size_bytes_at_most) detector.detect({path, bytes}, found_);
    }
  }

  // The member of a database, when its bytes are here; else it is noted for another reading.
  std::optional<std::string> member_of(std::string_view path) {
    std::optional<std::string> member = tree_.resolve(path);
    if (!member) return std::nullopt;
    if (tree_.kept(*member) != nullptr) return member;
    if (!options_.also_kept.contains(*member) && !is_database(*member)) again(*member);
    return std::nullopt;
  }
  void again(const std::string& member) {
    if (again_.size() >= kAgainAtMost || again_bytes_ + member.size() > kAgainBytes) return;
    if (again_.insert(member).second) again_bytes_ += member.size();
  }

  void read_databases() {
    read_releases();
    if (const auto member = member_of(kStatus)) {
      layer_.databases.push_back(*member);
      detect_dpkg({*member, *tree_.kept(*member)}, of_system_);
    }
    for (const std::string& member : tree_.kept_in(kStatusFolder)) {
      const File file{member, *tree_.kept(member)};
      if (member.ends_with(".md5sums")) {
        read_dpkg_list(file, owners_);
      } else {
        detect_dpkg(file, of_system_);
      }
    }
    for (const std::string_view path : kApk) {
      const auto member = member_of(path);
      // One may be a link to the other.
      if (!member || std::ranges::find(layer_.databases, *member) != layer_.databases.end()) {
        continue;
      }
      layer_.databases.push_back(*member);
      detect_apk({*member, *tree_.kept(*member)}, of_system_, owners_);
    }
    read_rpm();
  }

  void read_rpm() {
    for (const std::string_view path : rpm_databases()) {
      const auto member = member_of(path);
      if (!member || std::ranges::find(layer_.databases, *member) != layer_.databases.end()) {
        continue;
      }
      layer_.databases.push_back(*member);
      if (path.ends_with(".db")) {
        detect_ndb({*member, *tree_.kept(*member)}, of_system_, owners_);
        continue;
      }
      if (options_.scratch_folder.empty()) {
        found_.remark(fmt::format("{}: not read, as there is no folder for it", *member));
        continue;
      }
      Scratch scratch(options_.scratch_folder);
      const std::string_view name = path.substr(path.rfind('/') + 1);
      if (!scratch.write(name, *tree_.kept(*member))) {
        found_.remark(fmt::format("{}: there is no room to read it", *member));
        continue;
      }
      if (const auto log = member_of(fmt::format("{}-wal", path))) {
        static_cast<void>(scratch.write(fmt::format("{}-wal", name), *tree_.kept(*log)));
      }
      detect_rpm(scratch.folder(), *member, of_system_, owners_);
    }
  }

  void read_releases() {
    for (const std::string_view path : kReleases) {
      const auto member = member_of(path);
      if (!member || layer_.release) continue;
      layer_.release = read_os_release({*member, *tree_.kept(*member)});
    }
    const auto member = member_of(kAlpineRelease);
    if (!member) return;
    const std::string version = read_alpine_release(*tree_.kept(*member));
    if (!layer_.release) {
      layer_.release = packages::Release{.id = "alpine", .path = *member};
    }
    if (layer_.release->id == "alpine" && layer_.release->version_id.empty()) {
      layer_.release->version_id = version;
    }
  }

  // Files that a detector wants and that are hard links: to one that was looked at under its own
  // name there is nothing to add.
  void read_hard_links() {
    for (const auto& [path, target] : tree_.hard_links()) {
      const bool is_wanted = std::ranges::any_of(
          options_.detectors, [&](const Detector& detector) { return detector.wants(path); });
      if (!is_wanted) continue;
      const auto member = tree_.resolve(path);
      if (!member || shown_.contains(*member)) continue;
      if (const std::string* bytes = tree_.kept(*member)) {
        detect(path, *bytes);
      } else if (!options_.also_kept.contains(*member)) {
        again(*member);
      }
    }
  }

  void name_owners() {
    std::size_t number = 0;
    for (packages::Package& package : found_.take_packages()) {
      const std::string member(packages::member_of(package));
      const auto replaced = replaced_.find(member);
      const bool is_gone = replaced != replaced_.end() && number < replaced->second;
      ++number;
      if (is_gone) continue;
      package.owner = owners_.owner_of(member);
      layer_.packages.push_back(std::move(package));
    }
    for (packages::Package& package : of_system_.take_packages()) {
      if (const auto known = licenses_.find(package.name);
          package.type == packages::Type::deb && known != licenses_.end()) {
        package.licenses = known->second;
      }
      layer_.packages.push_back(std::move(package));
    }
  }

  LayerRead result(ArchiveReader& archive) {
    layer_.removed = tree_.removed();
    layer_.emptied = tree_.emptied();
    layer_.is_windows = tree_.is_windows();
    layer_.files = tree_.take_files();
    for (std::string& file : layer_.files) file = codec::to_text(file, file.size() * 3);
    layer_.size_bytes = archive.unpacked_bytes();
    layer_.diff_id = "sha256:" + archive.sha256();
    layer_.remarks = found_.take_remarks();
    for (std::string& remark : of_system_.take_remarks()) {
      layer_.remarks.push_back(std::move(remark));
    }
    return {.layer = std::move(layer_), .again = {again_.begin(), again_.end()}};
  }

  const LayerOptions& options_;
  Tree tree_;
  Owners owners_;
  std::map<std::string, std::vector<std::string>, std::less<>> licenses_;  // of dpkg's packages
  Found found_;                            // of languages and programs
  Found of_system_;                        // of the distribution's databases
  std::unordered_set<std::string> shown_;  // members that detectors were shown
  // Members that came again: how many packages had been found when the last one came.
  std::unordered_map<std::string, std::size_t> replaced_;
  std::set<std::string> again_;
  std::size_t again_bytes_ = 0;
  std::string program_;
  packages::Layer layer_;
};

}  // namespace

Result<LayerRead> read_layer(Pull pull, const LayerOptions& options) {
  return LayerReader(options).read(std::move(pull));
}

}  // namespace holdfast::detect
