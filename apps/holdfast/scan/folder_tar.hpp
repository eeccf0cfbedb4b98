// A folder as one tar (pax), made while it is read.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace holdfast::scan {

// Regular files, folders and links below a folder, by name. Links are not followed, other file
// systems that are mounted below are left out, and devices and their like. What cannot be read is
// left out and remarked. One thread; blocks.
class FolderTar {
 public:
  // unavailable/kTargetUnreadable.
  static Result<std::shared_ptr<FolderTar>> open(const std::filesystem::path& folder);
  virtual ~FolderTar() = default;

  // 0 at the end. Never more than `into` has room for.
  virtual std::size_t read(std::span<std::byte> into) = 0;
  // The first that were left out, and how many in all.
  [[nodiscard]] virtual const std::vector<std::string>& remarks() const = 0;
};

}  // namespace holdfast::scan
