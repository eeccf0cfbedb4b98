#include "metadata.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

#include "accounts/accounts.hpp"
#include "backup/backup.hpp"
#include "db/copy.hpp"
#include "db/migrations.hpp"
#include "db/postgres/postgres.hpp"
#include "db/sqlite/sqlite.hpp"
#include "events/events.hpp"
#include "feeds/states.hpp"
#include "gc/runs.hpp"
#include "jobs/job.hpp"
#include "keys/keys.hpp"
#include "pruning/policies.hpp"
#include "repos/repositories.hpp"
#include "scanner/layers.hpp"
#include "scanner/registrations.hpp"
#include "settings/store.hpp"
#include "token/refresh.hpp"
#include "uploads/uploads.hpp"

namespace holdfast {

namespace {

// Names the PostgreSQL database of the folder; absent for SQLite.
constexpr std::string_view kMarker = "database";
constexpr std::string_view kSqliteFile = "holdfast.db";
constexpr std::string_view kSqlite = "sqlite";

std::string marked_url(const std::filesystem::path& folder) {
  std::ifstream file(folder / kMarker);
  std::string text;
  std::getline(file, text);
  return text;
}

Result<void> check_engine(const DataFolder& folder, const MetadataOptions& options) {
  const std::string marked = marked_url(folder.path());
  if (options.url.empty() && !marked.empty()) {
    return fail(ErrorCode::conflict, kWrongEngine,
                fmt::format("the metadata of {} are in PostgreSQL ({}): set database.url",
                            folder.path().string(), marked));
  }
  const bool has_file = std::filesystem::exists(folder.path() / kSqliteFile);
  if (!options.url.empty() && marked.empty() && has_file) {
    return fail(ErrorCode::conflict, kWrongEngine,
                fmt::format("{} holds its metadata in SQLite: copy them first (holdfast db copy "
                            "--to URL)",
                            folder.path().string()));
  }
  return {};
}

Result<std::unique_ptr<db::Database>> open_postgres(const MetadataOptions& options) {
  return db::postgres::open(
      {options.url, options.connections,
       std::chrono::duration_cast<std::chrono::milliseconds>(options.deadline)});
}

Result<void> mark(const DataFolder& folder, const std::string& url) {
  return write_atomically(folder.path() / kMarker, without_password(url) + "\n", 0644);
}

Result<void> copy_into(db::Database& source, db::Database& target) {
  HF_CHECK(target.migrate(all_migrations()));
  return db::copy(source, target, print_copied);
}

}  // namespace

std::vector<db::Migration> all_migrations() {
  return db::joined({keys::migrations(), events::migrations(), settings::migrations(),
                     accounts::migrations(), repos::migrations(), uploads::migrations(),
                     token::migrations(), jobs::migrations(), pruning::migrations(),
                     gc::migrations(), backup::migrations(), scanner::migrations(),
                     scanner::adapter_migrations(), feeds::migrations()});
}

void print_copied(std::string_view table, std::uint64_t rows) {
  fmt::print("  {:<24} {:>10} rows\n", table, rows);
}

Result<std::unique_ptr<db::Database>> open_metadata(const DataFolder& folder,
                                                    const MetadataOptions& options) {
  HF_CHECK(check_engine(folder, options));
  if (options.url.empty()) return db::sqlite::open((folder.path() / kSqliteFile).string());
  HF_TRY(auto database, open_postgres(options));
  if (marked_url(folder.path()).empty()) HF_CHECK(mark(folder, options.url));
  return database;
}

Result<void> copy_metadata(const DataFolder& folder, const MetadataOptions& from,
                           const std::string& target) {
  const std::filesystem::path file = folder.path() / kSqliteFile;
  if ((target == kSqlite) == from.url.empty()) {
    return fail(ErrorCode::invalid, kWrongEngine,
                "the copy goes to the other engine: --to sqlite from PostgreSQL, or --to a "
                "PostgreSQL URL from SQLite");
  }
  HF_TRY(const auto source, open_metadata(folder, from));
  HF_CHECK(source->migrate(all_migrations()));
  if (target == kSqlite) {
    // Made beside and renamed when it is whole; a half one of an earlier try is of no use.
    const std::filesystem::path half = file.string() + ".copying";
    for (const char* end : {"", "-wal", "-shm"}) {
      std::filesystem::remove(half.string() + end);
    }
    {
      HF_TRY(const auto copy, db::sqlite::open(half.string()));
      HF_CHECK(copy_into(*source, *copy));
    }
    std::filesystem::rename(half, file);
    HF_CHECK(sync_folder(folder.path()));
    std::filesystem::remove(folder.path() / kMarker);
    return sync_folder(folder.path());
  }
  MetadataOptions into = from;
  into.url = target;
  HF_TRY(const auto copy, open_postgres(into));
  HF_CHECK(copy_into(*source, *copy));
  HF_CHECK(mark(folder, target));
  std::filesystem::rename(file, file.string() + ".copied");
  return sync_folder(folder.path());
}

std::string without_password(const std::string& url) {
  std::string text = url;
  const std::size_t scheme = text.find("://");
  const std::size_t at = text.find('@');
  if (scheme != std::string::npos && at != std::string::npos && at > scheme) {
    const std::size_t colon = text.find(':', scheme + 3);
    if (colon < at) text.replace(colon + 1, at - colon - 1, "***");
  }
  if (const std::size_t word = text.find("password="); word != std::string::npos) {
    const std::size_t begin = word + std::string_view("password=").size();
    text.replace(begin, std::min(text.find_first_of("& ", begin), text.size()) - begin, "***");
  }
  return text;
}

}  // namespace holdfast
