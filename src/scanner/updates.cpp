#include "scanner/updates.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>
#include <utility>

#include "advisories/import.hpp"
#include "base/log.hpp"
#include "blob/digesting.hpp"
#include "codec/json.hpp"
#include "codec/text.hpp"
#include "repos/pins.hpp"
#include "scanner/scanner.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::uint64_t kMemberBytes = 256ULL << 20U;  // an archive within the archive
constexpr std::uint64_t kUnpackedBytes = 64ULL << 30U;
constexpr std::int64_t kTellEvery = 10'000;
constexpr int kDepth = 2;  // archives within archives
// What libarchive calls the one file in what is only compressed.
constexpr std::string_view kNoName = "data";
constexpr std::string_view kReason = "an upload of advisories";

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "osv/Debian/all.zip": Debian.
std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  path = path.substr(0, slash);
  return path.substr(path.rfind('/') + 1);
}

bool is_archive(std::string_view name) {
  return name.ends_with(".zip") || name.ends_with(".tar") || name.ends_with(".gz") ||
         name.ends_with(".tgz") || name.ends_with(".zst");
}

worker::Source from_memory(std::string_view bytes) {
  return [bytes](std::span<std::byte> into) mutable -> Result<std::size_t> {
    const std::size_t size = std::min(into.size(), bytes.size());
    std::memcpy(into.data(), bytes.data(), size);
    bytes.remove_prefix(size);
    return size;
  };
}

// Gives what is in archives to an import.
class Reading {
 public:
  Reading(worker::Launcher& launcher, advisories::Import& import, AdvisoryStore& store,
          jobs::Run& run)
      : launcher_(launcher), import_(import), store_(store), run_(run) {}

  Result<void> archive(const worker::Source& source, std::string_view name, int depth = 0) {
    return launcher_.read_archive(
        source, kMemberBytes,
        {.deadline = std::chrono::minutes(30),
         .unpacked_bytes = kUnpackedBytes,
         .answer_bytes = kUnpackedBytes},
        [&](std::string_view member, std::string_view bytes) {
          return take(member, bytes, name, depth);
        },
        [&] { return run_.should_stop(); });
  }

 private:
  Result<void> take(std::string_view member, std::string_view bytes, std::string_view name,
                    int depth) {
    const std::string_view folder = folder_of(member);
    const std::string_view source = folder.empty() ? name : folder;
    std::string_view file = file_name(member);
    if (is_archive(file)) {
      if (depth >= kDepth) return {};
      // "cve-severity.tsv.gz" holds one file, which has no name of its own.
      within_ = file.substr(0, file.rfind('.'));
      return archive(from_memory(bytes), source, depth + 1);
    }
    if (file == kNoName) file = within_;
    if (file == "known_exploited_vulnerabilities.json") return import_.add_exploited(bytes);
    if (file == "manifest.json") return {};
    if (file.ends_with(".tsv")) return import_.add_ratings(bytes);
    if (!file.ends_with(".json")) return {};
    if (++count_ % kTellEvery == 0) {
      const std::string text = fmt::format("{} records read", count_);
      run_.log(text);
      HF_CHECK(store_.progress(text));
    }
    return import_.add(codec::to_text(source, 128), bytes);
  }

  worker::Launcher& launcher_;
  advisories::Import& import_;
  AdvisoryStore& store_;
  jobs::Run& run_;
  std::int64_t count_ = 0;
  std::string within_;  // the name of the compressed file that is read
};

worker::Source from_blob(std::shared_ptr<blob::Reader> reader) {
  return [reader = std::move(reader),
          at = std::uint64_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
    HF_TRY(const std::size_t got, reader->read_at(at, into));
    at += got;
    return got;
  };
}

events::Actor system_actor() {
  events::Actor actor;
  actor.name = "system";
  return actor;
}

}  // namespace

Result<std::string> Updates::upload(const worker::Source& source, std::string_view name) {
  blob::Digesting digesting(oci::Algorithm::sha256);
  HF_TRY(const auto session, parts_.blobs.begin(uuid(parts_.random), oci::Algorithm::sha256));
  std::vector<std::byte> piece(1UZ << 20U);
  while (true) {
    HF_TRY(const std::size_t got, source(piece));
    if (got == 0) break;
    digesting.update(std::span(piece).first(got));
    HF_CHECK(session->append(std::span(piece).first(got)));
  }
  const oci::Digest digest = digesting.digest();
  HF_TRY(const blob::Committed committed, session->commit(digest));
  std::optional<blob::BlobKey> not_needed;
  std::string job;
  HF_CHECK(parts_.database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(not_needed, repos::pin(tx, digest, committed, kReason, parts_.clock.now()));
    HF_TRY(const jobs::Job made,
           parts_.queue.enqueue(tx, {.action = std::string(kUpdateAction),
                                     .parameters = {{"upload", digest.text()}, {"source", name}}}));
    job = made.uuid;
    return {};
  }));
  if (not_needed) {
    if (const auto erased = parts_.blobs.erase(*not_needed); !erased) {
      log::warn("a copy of an upload stays on disk", {{"error", describe(erased.error())}});
    }
  }
  return job;
}

Result<advisories::Info> Updates::import(jobs::Run& run, const worker::Source& source,
                                         std::string_view name) {
  const std::string path = parts_.store.new_path();
  HF_TRY(const std::string base, parts_.store.copy_of_current());
  Result<advisories::Info> info = [&]() -> Result<advisories::Info> {
    HF_TRY(const auto import, advisories::Import::begin(path, base, parts_.clock));
    HF_CHECK(Reading(parts_.launcher, *import, parts_.store, run).archive(source, name));
    return import->finish();
  }();
  if (!base.empty()) ::unlink(base.c_str());
  HF_CHECK(info);
  HF_CHECK(parts_.store.install(path, *info, system_actor()));
  return info;
}

Result<void> Updates::run(jobs::Run& run) {
  const boost::json::value parameters(run.parameters());
  const auto digest = oci::Digest::parse(codec::string_member(parameters, "upload").value_or(""));
  if (!digest) {
    run.give_up();
    return fail(ErrorCode::invalid, kUpdateParametersInvalid,
                "an update needs the parameter \"upload\": an archive that was uploaded");
  }
  HF_CHECK(parts_.store.begin_update("reading the archive"));
  blob::BlobKey key;
  HF_CHECK(parts_.database.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const repos::StoredBlob stored, repos::pinned(tx, *digest));
    key = stored.key;
    return {};
  }));
  HF_TRY(auto reader, parts_.blobs.open(key));
  const auto info = import(run, from_blob(std::move(reader)),
                           codec::string_member(parameters, "source").value_or(""));
  // Another job goes on, with the same archive.
  if (!info && (run.should_stop() || info.error().code == ErrorCode::unavailable)) {
    return info.error();
  }
  HF_CHECK(parts_.database.write(db::Durability::full,
                                 [&](db::Tx& tx) { return repos::unpin(tx, *digest); }));
  if (!info) {
    HF_CHECK(parts_.store.fail_update(info.error().message, system_actor()));
    run.give_up();
    return info.error();
  }
  run.log(fmt::format("{} advisories of {} sources in force", info->records, info->sources.size()));
  return parts_.database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(parts_.queue.enqueue_once(tx, {.action = std::string(kCheckAllAction)}));
    return {};
  });
}

}  // namespace holdfast::scanner
