#include "scan/advisories.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <stdlib.h>
#include <system_error>

#include "advisories/import.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "blob/fs/fs.hpp"
#include "cli_parts.hpp"
#include "data_folder.hpp"
#include "metadata.hpp"
#include "scan/folder_tar.hpp"
#include "scan/tar_file.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/reading.hpp"

namespace holdfast::scan {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSqlite = "SQLite format 3";

Error unreadable(ErrorCode code, std::string message) {
  return fail(code, kAdvisoriesUnreadable, std::move(message));
}

Result<bool> is_database(const fs::path& path) {
  HF_TRY(const auto file, InputFile::open(path));
  std::array<char, kSqlite.size()> head{};
  HF_TRY(const std::size_t got, file->read_at(0, std::as_writable_bytes(std::span(head))));
  return std::string_view(head.data(), got) == kSqlite;
}

Result<fs::path> real_path(const fs::path& path) {
  std::error_code problem;
  fs::path real = fs::canonical(path, problem);
  if (!problem) return real;
  return unreadable(ErrorCode::unavailable, fmt::format("the advisories {} cannot be read: {}",
                                                        path.string(), problem.message()));
}

Result<advisories::Info> import(const fs::path& into, const std::vector<std::string>& from,
                                const std::string& source, worker::Launcher& launcher,
                                const Told& told) {
  const SystemClock clock;
  HF_TRY(const auto import, advisories::Import::begin(into.string(), "", clock));
  scanner::Reading reading(
      {.launcher = launcher,
       .import = *import,
       .stop = [] { return false; },
       .told = [&](std::int64_t count) { told(fmt::format("{} records read", count)); }});
  for (const std::string& path : from) {
    told(fmt::format("reading {}", path));
    HF_TRY(const fs::path real, real_path(path));
    HF_TRY(const worker::Source bytes, archive_source(real));
    if (auto done = reading.upload(bytes, source); !done) {
      done.error().message = fmt::format("{}: {}", path, done.error().message);
      return done.error();
    }
  }
  return import->finish();
}

}  // namespace

Result<std::unique_ptr<TemporaryFolder>> TemporaryFolder::make() {
  std::error_code problem;
  std::string name = (fs::temp_directory_path(problem) / "holdfast-XXXXXX").string();
  if (problem || ::mkdtemp(name.data()) == nullptr) {
    return unreadable(ErrorCode::unavailable,
                      fmt::format("no folder can be made in {}: {}",
                                  fs::path(name).parent_path().string(), std::strerror(errno)));
  }
  return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(name));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Result<worker::Source> archive_source(const fs::path& path) {
  std::error_code problem;
  if (fs::is_directory(path, problem)) {
    HF_TRY(const auto tar, FolderTar::open(path));
    return worker::Source([tar](std::span<std::byte> into) -> Result<std::size_t> {
      const std::size_t got = tar->read(into);
      // A record that is left out would be a vulnerability that nobody hears of.
      if (got == 0 && !tar->remarks().empty()) {
        return unreadable(ErrorCode::unavailable,
                          fmt::format("{} cannot be read", tar->remarks().front()));
      }
      return got;
    });
  }
  HF_TRY(const auto file, InputFile::open(path));
  return source_of(file, 0, file->size_bytes());
}

Result<Advisories> open_advisories(const fs::path& given, worker::Launcher& launcher,
                                   const Told& told) {
  HF_TRY(const fs::path path, real_path(given));
  std::error_code problem;
  const bool is_folder = fs::is_directory(path, problem);
  HF_TRY(const bool is_made, is_folder ? Result<bool>(false) : is_database(path));
  if (is_made) {
    HF_TRY(auto database, advisories::Database::open(path.string()));
    return Advisories{.database = std::move(database)};
  }
  HF_TRY(auto folder, TemporaryFolder::make());
  const fs::path made = folder->path() / "advisories.sqlite";
  HF_CHECK(import(made, {given.string()}, "", launcher, told));
  HF_TRY(auto database, advisories::Database::open(made.string()));
  return Advisories{.held = std::move(folder), .database = std::move(database)};
}

Result<Advisories> advisories_of(const std::string& data_folder) {
  const Configured configured = configure("", {"--data_dir", data_folder});
  if (!configured.problems.empty()) {
    return unreadable(ErrorCode::invalid, config::text(configured.problems.front()));
  }
  struct Held {
    std::unique_ptr<db::Database> metadata;
    std::unique_ptr<blob::Store> blobs;
    std::unique_ptr<TemporaryFolder> copies;
    SystemClock clock{};
    SystemRandom random{};
    std::unique_ptr<scanner::AdvisoryStore> store{};
  };
  const auto held = std::make_shared<Held>();
  HF_TRY(const DataFolder folder, DataFolder::look_into(configured.options.data_dir));
  HF_TRY(held->metadata, open_metadata(folder, configured.options.core.metadata));
  HF_TRY(held->blobs, blob::fs::open(folder.path()));
  HF_TRY(held->copies, TemporaryFolder::make());
  held->store = std::make_unique<scanner::AdvisoryStore>(
      *held->metadata, *held->blobs, held->clock, held->random,
      (held->copies->path() / "copies").string());
  HF_CHECK(held->store->refresh());
  return Advisories{.held = held, .database = held->store->current()};
}

Result<advisories::Info> build_advisories(const fs::path& into,
                                          const std::vector<std::string>& from,
                                          const std::string& source, worker::Launcher& launcher,
                                          const Told& told) {
  std::error_code problem;
  if (fs::exists(fs::symlink_status(into, problem))) {
    return unreadable(
        ErrorCode::already_exists,
        fmt::format("{} is there already: take another name, or delete it", into.string()));
  }
  const fs::path half = into.string() + ".new";
  fs::remove(half, problem);
  auto info = import(half, from, source, launcher, told);
  if (!info) return info;
  fs::rename(half, into, problem);
  if (problem) {
    return unreadable(ErrorCode::unavailable,
                      fmt::format("{} cannot be written: {}", into.string(), problem.message()));
  }
  HF_CHECK(sync_folder(fs::absolute(into, problem).parent_path()));
  return info;
}

}  // namespace holdfast::scan
