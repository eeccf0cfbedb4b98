#include "detect/tree.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>
#include <utility>

#include "detect/stream.hpp"

namespace holdfast::detect {

namespace {

constexpr int kLinksFollowed = 40;
constexpr std::size_t kNameBytes = 4096;

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.push_back(part);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return parts;
}

void append(std::string& path, std::string_view part) {
  if (!path.empty()) path += '/';
  path += part;
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace

std::string normal_path(std::string_view name) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : parts_of(name)) {
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string path;
  for (const std::string_view part : kept) append(path, part);
  return path;
}

Result<void> Tree::add_name(std::string_view path) {
  names_bytes_ += path.size();
  ++names_;
  if (path.size() > kNameBytes) {
    return fail(ErrorCode::too_large, kTooLarge, "a member's name is longer than 4096 bytes");
  }
  if (names_ > kMembersAtMost || names_bytes_ > kNamesBytes) {
    return fail(ErrorCode::too_large, kTooLarge,
                fmt::format("it has more than {} members, or their names more than {} MiB",
                            kMembersAtMost, kNamesBytes >> 20U));
  }
  const std::string_view first = path.substr(0, path.find('/'));
  (first == "Files"                           ? has_files_folder_
   : first == "Hives" || first == "UtilityVM" ? has_hives_
                                              : has_others_) = true;
  return {};
}

void Tree::forget(std::string_view path) {
  const std::string key(path);
  files_.erase(key);
  symlinks_.erase(key);
  hard_links_.erase(key);
  if (const auto found = kept_.find(path); found != kept_.end()) {
    kept_bytes_ -= found->second.size();
    kept_.erase(found);
  }
}

Result<void> Tree::add_file(std::string_view path) {
  HF_CHECK(add_name(path));
  forget(path);
  files_.emplace(path);
  return {};
}

Result<void> Tree::add_folder(std::string_view path) {
  HF_CHECK(add_name(path));
  forget(path);
  return {};
}

Result<void> Tree::add_symlink(std::string_view path, std::string_view target) {
  HF_CHECK(add_name(path));
  names_bytes_ += target.size();
  forget(path);
  symlinks_.emplace(path, target.substr(0, kNameBytes));
  return {};
}

Result<void> Tree::add_hard_link(std::string_view path, std::string_view target) {
  HF_CHECK(add_name(path));
  names_bytes_ += target.size();
  forget(path);
  hard_links_.emplace(path, normal_path(target));
  return {};
}

Result<void> Tree::add_removed(std::string path) {
  HF_CHECK(add_name(path));
  removed_.insert(std::move(path));
  return {};
}

Result<void> Tree::add_emptied(std::string path) {
  HF_CHECK(add_name(path));
  emptied_.insert(std::move(path));
  return {};
}

bool Tree::keep(std::string_view path, std::string bytes) {
  if (kept_bytes_ + bytes.size() > kKeptBytes) return false;
  kept_bytes_ += bytes.size();
  kept_.emplace(path, std::move(bytes));
  return true;
}

// Follows symlinks in folders and at the end; each part as the kernel would, within the layer.
std::optional<std::string> Tree::real_path(std::string_view path) const {
  std::string real;
  std::vector<std::string> left;
  for (const std::string_view part : parts_of(path)) left.emplace_back(part);
  std::ranges::reverse(left);
  int followed = 0;
  while (!left.empty()) {
    const std::string part = std::move(left.back());
    left.pop_back();
    if (part == "..") {
      real = folder_of(real);
      continue;
    }
    std::string next = real;
    append(next, part);
    const auto link = symlinks_.find(next);
    if (link == symlinks_.end()) {
      real = std::move(next);
      continue;
    }
    if (++followed > kLinksFollowed || left.size() > kNameBytes) return std::nullopt;
    if (link->second.starts_with('/')) real.clear();
    std::vector<std::string_view> parts = parts_of(link->second);
    for (const std::string_view one : parts | std::views::reverse) left.emplace_back(one);
  }
  return real;
}

std::optional<std::string> Tree::resolve(std::string_view path) const {
  std::optional<std::string> real = real_path(path);
  for (int followed = 0; real && followed < kLinksFollowed; ++followed) {
    if (files_.contains(*real)) return real;
    const auto link = hard_links_.find(*real);
    if (link == hard_links_.end()) return std::nullopt;
    real = real_path(link->second);
  }
  return std::nullopt;
}

const std::string* Tree::kept(std::string_view member) const {
  const auto found = kept_.find(member);
  return found == kept_.end() ? nullptr : &found->second;
}

std::vector<std::string> Tree::kept_in(std::string_view folder) const {
  std::vector<std::string> found;
  const std::optional<std::string> real = real_path(folder);
  if (!real) return found;
  const std::string prefix = *real + "/";
  for (auto at = kept_.lower_bound(prefix); at != kept_.end() && at->first.starts_with(prefix);
       ++at) {
    if (!std::string_view(at->first).substr(prefix.size()).contains('/')) {
      found.push_back(at->first);
    }
  }
  return found;
}

std::vector<std::string> Tree::take_files() {
  std::vector<std::string> files;
  files.reserve(files_.size() + symlinks_.size() + hard_links_.size());
  while (!files_.empty()) files.push_back(std::move(files_.extract(files_.begin()).value()));
  for (const auto& [path, target] : symlinks_) files.push_back(path);
  for (const auto& [path, target] : hard_links_) files.push_back(path);
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> Tree::removed() const { return {removed_.begin(), removed_.end()}; }
std::vector<std::string> Tree::emptied() const { return {emptied_.begin(), emptied_.end()}; }
bool Tree::is_windows() const { return has_files_folder_ && has_hives_ && !has_others_; }

}  // namespace holdfast::detect
