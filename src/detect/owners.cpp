#include "detect/owners.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "detect/tree.hpp"

namespace holdfast::detect {

namespace {

constexpr std::size_t kEntriesAtMost = 2'000'000;
constexpr std::array<std::string_view, 4> kMerged = {"usr/bin/", "usr/sbin/", "usr/lib/",
                                                     "usr/lib64/"};

std::uint64_t hash_of(std::string_view path) { return std::hash<std::string_view>{}(path); }

}  // namespace

void Owners::add(std::string_view package, std::string_view path) {
  if (entries_.size() >= kEntriesAtMost) return;
  const auto [known, is_new] =
      numbers_.try_emplace(std::string(package), static_cast<std::uint32_t>(packages_.size()));
  if (is_new) packages_.emplace_back(package);
  entries_.push_back({hash_of(normal_path(path)), known->second});
  is_sorted_ = false;
}

std::string Owners::find(std::string_view member) const {
  const std::uint64_t wanted = hash_of(member);
  const auto found = std::ranges::lower_bound(entries_, wanted, {}, &Entry::path);
  if (found == entries_.end() || found->path != wanted) return {};
  return packages_[found->package];
}

std::string Owners::owner_of(std::string_view member) {
  if (!is_sorted_) std::ranges::sort(entries_, {}, &Entry::path);
  is_sorted_ = true;
  if (std::string owner = find(member); !owner.empty()) return owner;
  const bool is_merged = std::ranges::any_of(
      kMerged, [&](std::string_view prefix) { return member.starts_with(prefix); });
  return is_merged ? find(member.substr(std::string_view("usr/").size())) : std::string();
}

}  // namespace holdfast::detect
