// The advisories that a single scan goes by, and files of them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "advisories/database.hpp"
#include "base/result.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scan {

inline constexpr std::string_view kAdvisoriesUnreadable = "advisories_unreadable";  // unavailable

// A folder for what is made on the way, gone with it.
class TemporaryFolder {
 public:
  // In TMPDIR or /tmp. unavailable/kAdvisoriesUnreadable.
  static Result<std::unique_ptr<TemporaryFolder>> make();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Open as long as they are held, and what was made for them stays as long.
struct Advisories {
  std::shared_ptr<void> held{};
  std::shared_ptr<advisories::Database> database{};  // null: there are none
};

using Told = std::function<void(std::string_view what)>;

// A database file, or records that are imported: an archive, or a folder of archives and records.
// Errors: those of the import and of advisories::Database.
Result<Advisories> open_advisories(const std::filesystem::path& path, worker::Launcher& launcher,
                                   const Told& told);
// Those in force on the server whose data folder it is; null when there are none.
Result<Advisories> advisories_of(const std::string& data_folder);

// Imports archives and folders into a new file, which is there whole or not at all.
// already_exists/kAdvisoriesUnreadable.
Result<advisories::Info> build_advisories(const std::filesystem::path& into,
                                          const std::vector<std::string>& from,
                                          const std::string& source, worker::Launcher& launcher,
                                          const Told& told);

// The bytes of an archive, or of a folder as one.
Result<worker::Source> archive_source(const std::filesystem::path& path);

}  // namespace holdfast::scan
