// The members of one layer: their names, where links lead, and the bytes of those that are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"

namespace holdfast::detect {

// A member's name in packages::Layer's form: no leading "/", no empty parts, "." or "..", which
// never lead out. Empty for the root itself.
std::string normal_path(std::string_view name);

// Bounds of one layer in memory.
inline constexpr std::size_t kMembersAtMost = 300'000;
inline constexpr std::size_t kNamesBytes = 32UZ << 20U;
inline constexpr std::size_t kKeptBytes = 64UZ << 20U;

// Not for several threads. A later member of a name takes the place of an earlier one.
class Tree {
 public:
  // too_large/kTooLarge beyond the bounds.
  Result<void> add_file(std::string_view path);
  Result<void> add_folder(std::string_view path);
  // `target` as it is written: of a symlink from where it stands, of a hard link a member's name.
  Result<void> add_symlink(std::string_view path, std::string_view target);
  Result<void> add_hard_link(std::string_view path, std::string_view target);
  // What a whiteout takes away: a name, or all that is below in a folder.
  Result<void> add_removed(std::string path);
  Result<void> add_emptied(std::string path);
  // The bytes of a file that was added. False: no room is left.
  bool keep(std::string_view path, std::string bytes);

  // The member that a path leads to by links within this layer; nothing when it leads nowhere, out
  // of the layer or in circles. Not of a folder.
  [[nodiscard]] std::optional<std::string> resolve(std::string_view path) const;
  // The bytes of a member; null: not kept.
  [[nodiscard]] const std::string* kept(std::string_view member) const;
  // The members directly in a folder that were kept, with their names; links are followed to it.
  [[nodiscard]] std::vector<std::string> kept_in(std::string_view folder) const;

  // Paths of hard links, and the members that they name.
  [[nodiscard]] const std::unordered_map<std::string, std::string>& hard_links() const {
    return hard_links_;
  }
  // Everything that is no folder, sorted.
  std::vector<std::string> take_files();
  [[nodiscard]] std::vector<std::string> removed() const;
  [[nodiscard]] std::vector<std::string> emptied() const;
  // Whether all it has is below Files/ and Hives/, as layers of Windows are.
  [[nodiscard]] bool is_windows() const;

 private:
  Result<void> add_name(std::string_view path);
  void forget(std::string_view path);
  std::optional<std::string> real_path(std::string_view path) const;

  std::unordered_set<std::string> files_;
  std::unordered_map<std::string, std::string> symlinks_;    // to where they lead, as written
  std::unordered_map<std::string, std::string> hard_links_;  // to members
  std::map<std::string, std::string, std::less<>> kept_;
  std::set<std::string> removed_;
  std::set<std::string> emptied_;
  std::size_t names_bytes_ = 0;
  std::size_t names_ = 0;
  std::size_t kept_bytes_ = 0;
  bool has_files_folder_ = false;
  bool has_hives_ = false;
  bool has_others_ = false;
};

}  // namespace holdfast::detect
