#include "uploads/uploads.hpp"

#include <fmt/format.h>
#include <vector>

#include "base/log.hpp"

namespace holdfast::uploads {

namespace {

constexpr db::Migration kMigrations[] = {
    {"uploads/0001-uploads", R"(CREATE TABLE uploads (
        id {text} NOT NULL PRIMARY KEY,
        repository_id {int} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
        account_id {int} NOT NULL,
        algorithm {text} NOT NULL,
        created_at {int} NOT NULL);
      CREATE INDEX uploads_repository ON uploads (repository_id))"},
};

Error unknown() {
  return fail(ErrorCode::not_found, kUploadUnknown, "there is no such upload here");
}

// The store's words for a session in ours.
Error translated(Error error) {
  if (error.reason == blob::kSessionMissing) return unknown();
  if (error.reason == blob::kSessionBusy) {
    return fail(ErrorCode::conflict, kUploadBusy, "another request writes to this upload");
  }
  return error;
}

}  // namespace

struct Upload::State {
  std::string id;
  std::unique_ptr<blob::Session> session;
};

Upload::Upload(std::unique_ptr<State> state) : state_(std::move(state)) {}
Upload::~Upload() = default;
Upload::Upload(Upload&&) noexcept = default;

const std::string& Upload::id() const { return state_->id; }

std::uint64_t Upload::size_bytes() const { return state_->session->size_bytes(); }

Result<void> Upload::append(std::span<const std::byte> bytes) {
  return state_->session->append(bytes);
}

Result<void> Upload::append(blob::Buffer buffer, std::size_t size_bytes) {
  return state_->session->append(std::move(buffer), size_bytes);
}

Result<void> Upload::expect_at(std::uint64_t first) const {
  if (first == size_bytes()) return {};
  return fail(ErrorCode::out_of_range, kRangeInvalid,
              fmt::format("the upload stands at byte {}, not {}", size_bytes(), first));
}

std::span<const db::Migration> migrations() { return kMigrations; }

Uploads::Uploads(db::Database& database, blob::Store& blobs, const Clock& clock, Random& random)
    : database_(database), blobs_(blobs), clock_(clock), random_(random) {}

Result<oci::Algorithm> Uploads::row(const repos::Repository& repository, std::string_view id) {
  std::optional<std::string> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, tx.find<std::string>(
                      "SELECT algorithm FROM uploads WHERE id = $1 AND repository_id = $2",
                      {id, repository.id}, [](const db::Row& row) { return row.string(0); }));
    return {};
  }));
  if (!found) return unknown();
  return oci::parse_algorithm(*found);
}

Result<Upload> Uploads::begin(const repos::Repository& repository, oci::Algorithm algorithm,
                              const events::Actor& actor) {
  auto state = std::make_unique<Upload::State>();
  state->id = uuid(random_);
  HF_TRY(state->session, blobs_.begin(state->id, algorithm));
  const Result<void> stored =
      database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
        HF_CHECK(
            tx.execute("INSERT INTO uploads (id, repository_id, account_id, algorithm, created_at) "
                       "VALUES ($1, $2, $3, $4, $5)",
                       {state->id, repository.id, actor.account_id, oci::name(algorithm),
                        to_micros(clock_.now())}));
        return {};
      });
  if (stored) return Upload(std::move(state));
  state->session.reset();
  HF_CHECK(blobs_.abort(state->id));
  if (stored.error().reason != db::kConstraint) return stored.error();
  return fail(ErrorCode::not_found, repos::kRepositoryUnknown,
              "the repository was deleted meanwhile");
}

Result<Upload> Uploads::open(const repos::Repository& repository, std::string_view id) {
  HF_TRY(const oci::Algorithm algorithm, row(repository, id));
  auto session = blobs_.resume(id, algorithm);
  if (!session) return translated(std::move(session).error());
  auto state = std::make_unique<Upload::State>();
  state->id = id;
  state->session = *std::move(session);
  return Upload(std::move(state));
}

Result<std::uint64_t> Uploads::size(const repos::Repository& repository, std::string_view id) {
  HF_CHECK(row(repository, id));
  auto size = blobs_.session_size(id);
  if (!size) return translated(std::move(size).error());
  return size;
}

Result<void> Uploads::finish(Upload upload, const repos::Repository& repository,
                             const oci::Digest& digest) {
  HF_TRY(const blob::Committed committed, upload.state_->session->commit(digest));
  std::optional<blob::BlobKey> not_needed;
  const Result<void> linked =
      database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
        HF_TRY(not_needed,
               repos::Content::link_blob(tx, repository.id, digest, committed, clock_.now()));
        HF_CHECK(tx.execute("DELETE FROM uploads WHERE id = $1", {upload.id()}));
        return {};
      });
  // Whether a COMMIT that failed took place is not known (a sync may fail after the bytes went
  // out): such a file stays. A function that failed was rolled back for sure.
  if (!linked && linked.error().code == ErrorCode::not_found) not_needed = committed.key;
  if (not_needed && (linked || linked.error().code == ErrorCode::not_found)) {
    if (const Result<void> erased = blobs_.erase(*not_needed); !erased) {
      log::warn("a blob's second copy stays on disk", {{"error", describe(erased.error())}});
    }
  }
  return linked;
}

Result<void> Uploads::cancel(const repos::Repository& repository, std::string_view id) {
  HF_CHECK(row(repository, id));
  if (Result<void> aborted = blobs_.abort(id); !aborted) {
    return translated(std::move(aborted).error());
  }
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("DELETE FROM uploads WHERE id = $1", {id}));
    return {};
  });
}

Result<bool> Uploads::is_under_way(std::string_view id, Timestamp limit) {
  bool found = false;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found = false;
    return tx.query("SELECT 1 FROM uploads WHERE id = $1 AND created_at > $2",
                    {id, to_micros(limit)}, [&](const db::Row& /*row*/) -> Result<void> {
                      found = true;
                      return {};
                    });
  }));
  return found;
}

Result<int> Uploads::expire(std::chrono::seconds age) {
  const Timestamp limit = clock_.now() - age;
  std::vector<std::string> old;
  HF_CHECK(blobs_.list_sessions([&](const blob::Listed& listed) -> Result<void> {
    if (listed.modified < limit) old.push_back(listed.name);
    return {};
  }));
  int expired = 0;
  for (const std::string& id : old) {
    const Result<void> aborted = blobs_.abort(id);
    if (!aborted && aborted.error().reason == blob::kSessionBusy) continue;  // goes on just now
    HF_CHECK(aborted);
    HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
      HF_CHECK(tx.execute("DELETE FROM uploads WHERE id = $1", {id}));
      return {};
    }));
    ++expired;
  }
  return expired;
}

}  // namespace holdfast::uploads
