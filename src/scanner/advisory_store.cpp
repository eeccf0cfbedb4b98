#include "scanner/advisory_store.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "base/log.hpp"
#include "blob/digesting.hpp"
#include "oci/digest.hpp"
#include "repos/pins.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::size_t kChunkBytes = 1UZ << 20U;
constexpr std::string_view kReason = "the advisories in force";

Error file_problem(const std::string& path) {
  return holdfast::fail(errno == ENOSPC ? ErrorCode::no_space : ErrorCode::unavailable,
                        blob::kStorageBroken, fmt::format("{}: {}", path, std::strerror(errno)));
}

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

// Calls `each` with the bytes of a file, piece by piece.
Result<void> read_file(const std::string& path,
                       const std::function<Result<void>(std::span<const std::byte>)>& each) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) return file_problem(path);
  std::vector<std::byte> chunk(kChunkBytes);
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    HF_CHECK(each(std::span(chunk).first(got)));
  }
  if (std::ferror(file.get()) != 0) return file_problem(path);
  return {};
}

// Not synced: a copy that a power cut spoils is made anew at the next start.
Result<void> write_file(const std::string& path, const blob::Reader& reader) {
  const File file(std::fopen(path.c_str(), "wbe"));
  if (!file) return file_problem(path);
  std::vector<std::byte> chunk(kChunkBytes);
  for (std::uint64_t at = 0;;) {
    HF_TRY(const std::size_t got, reader.read_at(at, chunk));
    if (got == 0) break;
    if (std::fwrite(chunk.data(), 1, got, file.get()) != got) return file_problem(path);
    at += got;
  }
  if (std::fflush(file.get()) != 0) return file_problem(path);
  return {};
}

Result<void> emit(db::Tx& tx, events::Type type, const events::Actor& actor, std::string object,
                  std::string detail, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = std::move(object);
  event.detail = std::move(detail);
  return events::append(tx, event);
}

}  // namespace

AdvisoryStore::AdvisoryStore(db::Database& database, blob::Store& blobs, const Clock& clock,
                             Random& random, std::string folder)
    : database_(database),
      blobs_(blobs),
      clock_(clock),
      random_(random),
      folder_(std::move(folder)) {
  std::error_code ignored;
  // Copies of an earlier process.
  std::filesystem::remove_all(folder_, ignored);
  std::filesystem::create_directories(folder_, ignored);
}

AdvisoryStore::~AdvisoryStore() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::shared_ptr<advisories::Database> AdvisoryStore::current() {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::string AdvisoryStore::new_path() {
  return fmt::format("{}/{}.sqlite", folder_, uuid(random_));
}

Result<std::optional<AdvisoryStore::InForce>> AdvisoryStore::in_force() {
  std::optional<InForce> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<InForce>(
                      "SELECT digest, version FROM scan_advisories", {},
                      [](const db::Row& row) { return InForce{row.string(0), row.string(1)}; }));
    return {};
  }));
  return found;
}

Result<std::string> AdvisoryStore::local_copy(const InForce& wanted) {
  HF_TRY(const oci::Digest digest, oci::Digest::parse(wanted.digest));
  blob::BlobKey key;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const repos::StoredBlob stored, repos::pinned(tx, digest));
    key = stored.key;
    return {};
  }));
  HF_TRY(const auto reader, blobs_.open(key));
  std::string path = new_path();
  HF_CHECK(write_file(path, *reader));
  return path;
}

Result<AdvisoryStore::Base> AdvisoryStore::copy_of_current() {
  HF_CHECK(refresh());
  HF_TRY(const auto wanted, in_force());
  if (!wanted) return Base{};
  {
    const std::lock_guard refreshing(refreshing_);
    if (unreadable_ == wanted->version) return Base{.digest = wanted->digest};
  }
  const auto have = current();
  if (!have || have->info().version != wanted->version) {
    return holdfast::fail(ErrorCode::unavailable, kOvertaken,
                          "other advisories were put in force meanwhile");
  }
  HF_TRY(std::string path, local_copy(*wanted));
  return Base{.path = std::move(path), .digest = wanted->digest};
}

Result<void> AdvisoryStore::refresh() {
  const std::lock_guard refreshing(refreshing_);
  HF_TRY(const auto wanted, in_force());
  if (!wanted) return {};
  if (const auto have = current(); have && have->info().version == wanted->version) return {};
  if (unreadable_ == wanted->version) return {};
  HF_TRY(const std::string path, local_copy(*wanted));
  auto opened = advisories::Database::open(path);
  // It stays readable while it is open, and leaves nothing behind however the process ends.
  ::unlink(path.c_str());
  if (!opened && opened.error().code == ErrorCode::corrupt) {
    // Of another format, as an older build left it: the next update makes it anew.
    log::warn("the advisories in force cannot be read by this build",
              {{"error", describe(opened.error())}});
    unreadable_ = wanted->version;
    return {};
  }
  if (!opened) return opened.error();
  const std::lock_guard lock(mutex_);
  current_ = *std::move(opened);
  return {};
}

Result<void> AdvisoryStore::install(const std::string& path, const advisories::Info& info,
                                    const Base& base, const events::Actor& actor,
                                    const std::function<Result<void>(db::Tx&)>& also) {
  blob::Digesting digesting(oci::Algorithm::sha256);
  HF_TRY(const auto session, blobs_.begin(uuid(random_), oci::Algorithm::sha256));
  HF_CHECK(read_file(path, [&](std::span<const std::byte> bytes) {
    digesting.update(bytes);
    return session->append(bytes);
  }));
  ::unlink(path.c_str());
  const oci::Digest digest = digesting.digest();
  HF_TRY(const blob::Committed committed, session->commit(digest));
  std::optional<blob::BlobKey> not_needed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    const Timestamp now = clock_.now();
    HF_TRY(const auto before,
           tx.find<std::string>("SELECT digest FROM scan_advisories", {},
                                [](const db::Row& row) { return row.string(0); }));
    if (before.value_or("") != base.digest) {
      return holdfast::fail(ErrorCode::unavailable, kOvertaken,
                            "other advisories were put in force meanwhile");
    }
    if (also) HF_CHECK(also(tx));
    if (before && *before != digest.text()) {
      HF_TRY(const oci::Digest old, oci::Digest::parse(*before));
      HF_CHECK(repos::unpin(tx, old));
    }
    HF_TRY(not_needed, repos::pin(tx, digest, committed, kReason, now));
    HF_CHECK(
        tx.execute("INSERT INTO scan_advisories (one, digest, version) VALUES (1, $1, $2) "
                   "ON CONFLICT (one) DO UPDATE SET digest = $1, version = $2",
                   {digest.text(), info.version}));
    HF_CHECK(
        tx.execute("INSERT INTO scan_updates (one, tried_at, succeeded_at, problem, progress) "
                   "VALUES (1, $1, $1, '', '') ON CONFLICT (one) DO UPDATE SET tried_at = $1, "
                   "succeeded_at = $1, problem = '', progress = ''",
                   {to_micros(now)}));
    tx.changed(kChangedAdvisories, "");
    return emit(tx, events::Type::advisories_updated, actor, info.version,
                fmt::format("{} advisories", info.records), now);
  }));
  if (not_needed) {
    if (const auto erased = blobs_.erase(*not_needed); !erased) {
      log::warn("a copy of the advisories stays on disk", {{"error", describe(erased.error())}});
    }
  }
  return refresh();
}

Result<UpdateState> AdvisoryStore::state() {
  UpdateState state;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    state = {};
    return tx.query("SELECT tried_at, succeeded_at, problem, progress FROM scan_updates", {},
                    [&](const db::Row& row) -> Result<void> {
                      if (row.integer(0) != 0) state.tried_at = from_micros(row.integer(0));
                      if (row.integer(1) != 0) state.succeeded_at = from_micros(row.integer(1));
                      state.problem = row.string(2);
                      state.progress = row.string(3);
                      return {};
                    });
  }));
  return state;
}

Result<void> AdvisoryStore::begin_update(std::string_view progress) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO scan_updates (one, tried_at, succeeded_at, problem, progress) "
                   "VALUES (1, $1, 0, '', $2) ON CONFLICT (one) DO UPDATE SET tried_at = $1, "
                   "progress = $2",
                   {to_micros(clock_.now()), progress}));
    return {};
  });
}

Result<void> AdvisoryStore::progress(std::string_view progress) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("UPDATE scan_updates SET progress = $1", {progress}));
    return {};
  });
}

Result<void> AdvisoryStore::still_good(const std::function<Result<void>(db::Tx&)>& also) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(also(tx));
    HF_CHECK(
        tx.execute("UPDATE scan_updates SET tried_at = $1, succeeded_at = $1, problem = '', "
                   "progress = ''",
                   {to_micros(clock_.now())}));
    return {};
  });
}

Result<void> AdvisoryStore::fail_update(std::string_view problem, const events::Actor& actor) {
  HF_TRY(const UpdateState before, state());
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    const Timestamp now = clock_.now();
    HF_CHECK(
        tx.execute("INSERT INTO scan_updates (one, tried_at, succeeded_at, problem, progress) "
                   "VALUES (1, $1, 0, $2, '') ON CONFLICT (one) DO UPDATE SET tried_at = $1, "
                   "problem = $2, progress = ''",
                   {to_micros(now), problem}));
    if (before.problem == problem) return {};
    return emit(tx, events::Type::advisories_failed, actor, "", std::string(problem), now);
  });
}

}  // namespace holdfast::scanner
