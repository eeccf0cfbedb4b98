// The data folder: whose it is, and of which format (docs/formats/data-folder.md).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"

namespace holdfast {

inline constexpr std::string_view kFolderInUse =
    "folder_in_use";  // conflict; details[0]: process id
inline constexpr std::string_view kFolderUnusable = "folder_unusable";  // unavailable
inline constexpr std::string_view kFolderNewer = "folder_newer";        // unsupported

// Held by the one process that uses the folder, until it is dropped.
class DataFolder {
 public:
  enum class IfMissing { create, fail };
  static Result<DataFolder> open(const std::filesystem::path& path, IfMissing if_missing);
  // Without holding it, beside the process that does: for what only reads.
  static Result<DataFolder> look_into(const std::filesystem::path& path);
  ~DataFolder();
  DataFolder(DataFolder&& other) noexcept
      : path_(std::move(other.path_)),
        lock_(std::exchange(other.lock_, -1)),
        fresh_(other.fresh_) {}
  DataFolder& operator=(DataFolder&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Whether nobody has finished setting it up: then finish_setup() is called when everything is
  // there.
  [[nodiscard]] bool fresh() const { return fresh_; }
  Result<void> finish_setup();

 private:
  DataFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  Result<void> check_format();

  std::filesystem::path path_;
  int lock_;
  bool fresh_ = false;
};

// The folder's entries as they are now are on the disk.
Result<void> sync_folder(const std::filesystem::path& folder);

// Writes a file whole or not at all, synced.
Result<void> write_atomically(const std::filesystem::path& path, std::string_view text,
                              unsigned mode);

}  // namespace holdfast
