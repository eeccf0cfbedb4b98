#include "scanner/updates.hpp"

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
#include "scanner/reading.hpp"
#include "scanner/scanner.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::string_view kReason = "an upload of advisories";

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
    Reading reading({.launcher = parts_.launcher,
                     .import = *import,
                     .stop = [&] { return run.should_stop(); },
                     .told = [&](std::int64_t count) { tell(run, count); }});
    HF_CHECK(reading.upload(source, name));
    return import->finish();
  }();
  if (!base.empty()) ::unlink(base.c_str());
  HF_CHECK(info);
  HF_CHECK(parts_.store.install(path, *info, system_actor()));
  return info;
}

// That people do not hear of it is no reason to stop.
void Updates::tell(jobs::Run& run, std::int64_t count) {
  const std::string text = fmt::format("{} records read", count);
  run.log(text);
  (void)parts_.store.progress(text).has_value();
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
