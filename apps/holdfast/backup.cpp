#include "backup.hpp"

#include <boost/json/object.hpp>
#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include "control.hpp"
#include "data_folder.hpp"
#include "db/copy.hpp"
#include "db/sqlite/sqlite.hpp"
#include "metadata.hpp"

namespace holdfast {

namespace {

namespace fs = std::filesystem;

// A large table takes its time to be read in one go.
constexpr std::chrono::hours kWholeTable{6};

MetadataOptions patient(const Options& options) {
  MetadataOptions metadata = options.core.metadata;
  metadata.deadline = kWholeTable;
  return metadata;
}

void remove_database(const fs::path& file) {
  std::error_code ignored;
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(file.string() + end, ignored);
}

// A file that is gone at the end, whatever happens, unless it was renamed before.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) { remove_database(path_); }
  ~Temporary() { remove_database(path_); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Result<std::string> read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream.is_open() || stream.bad() || text.empty()) {
    return fail(ErrorCode::invalid, kBackupInvalid, "cannot read " + path.string());
  }
  return text;
}

// SQLite makes what is not there, and takes an empty file for an empty database.
Result<void> check_is_database(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string head(15, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (stream && head == "SQLite format 3") return {};
  return fail(ErrorCode::invalid, kBackupInvalid,
              fmt::format("{} is no backup that holdfast backup made", file.string()));
}

Result<void> copy_into_file(const Options& options, const fs::path& file) {
  HF_TRY(const DataFolder folder, DataFolder::look_into(options.data_dir));
  HF_TRY(const auto source, open_metadata(folder, patient(options)));
  HF_TRY(const auto copy, db::sqlite::open(file.string()));
  HF_CHECK(copy->migrate(all_migrations()));
  return db::copy(*source, *copy, print_copied);
}

}  // namespace

Result<std::uint64_t> make_backup(const Options& options, const fs::path& file) {
  std::error_code problem;
  if (fs::exists(file, problem)) {
    return fail(ErrorCode::conflict, kBackupExists,
                fmt::format("{} is there already: name a new file", file.string()));
  }
  const Temporary half(file.string() + ".part");
  HF_CHECK(copy_into_file(options, half.path()));
  const std::uint64_t size = fs::file_size(half.path(), problem);
  if (!problem) fs::rename(half.path(), file, problem);
  if (problem) {
    return fail(ErrorCode::unavailable, kBackupUnwritable,
                fmt::format("cannot write {}: {}", file.string(), problem.message()));
  }
  HF_CHECK(sync_folder(fs::absolute(file).parent_path()));
  HF_CHECK(control::run(options, boost::json::object{{"verb", "backup.record"}, {"size", size}}));
  return size;
}

Result<void> restore_backup(const Options& options, const fs::path& file, const fs::path& key) {
  HF_CHECK(check_is_database(file));
  HF_TRY(const std::string secret, read_file(key));
  HF_TRY(DataFolder folder, DataFolder::open(options.data_dir, DataFolder::IfMissing::create));
  if (!folder.fresh() || fs::exists(folder.path() / "secret.key")) {
    return fail(ErrorCode::conflict, kFolderNotEmpty,
                fmt::format("{} holds a registry already: name a folder that does not",
                            folder.path().string()));
  }
  // A copy is brought up to date, so that the backup stays what it is.
  const Temporary copy(folder.path() / "restoring.db");
  std::error_code problem;
  fs::copy_file(file, copy.path(), problem);
  if (problem) {
    return fail(ErrorCode::unavailable, kBackupUnwritable,
                fmt::format("cannot copy {}: {}", file.string(), problem.message()));
  }
  HF_TRY(const auto source, db::sqlite::open(copy.path().string()));
  HF_CHECK(source->migrate(all_migrations()));
  HF_TRY(const auto target, open_metadata(folder, patient(options)));
  HF_CHECK(target->migrate(all_migrations()));
  HF_CHECK(db::copy(*source, *target, print_copied));
  HF_CHECK(write_atomically(folder.path() / "secret.key", secret, 0600));
  return folder.finish_setup();
}

}  // namespace holdfast
