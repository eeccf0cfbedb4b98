#include "scanner/adapter_scans.hpp"

#include <array>
#include <bit>
#include <fmt/format.h>
#include <set>
#include <utility>

#include "codec/zstd.hpp"
#include "events/events.hpp"
#include "scanner/registrations.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::size_t kStoredBytes = 256UZ << 20U;
constexpr std::size_t kReasonBytes = 1024;
// A scan that did not end for so long has been lost with its worker.
constexpr std::chrono::hours kLost{24};

constexpr std::string_view kColumns =
    "scan_adapter_images.id, manifests.digest, state, reason, os, architecture, requested_at, "
    "completed_at, scanner_name, scanner_vendor, scanner_version, advisories, critical, high, "
    "medium, low, unknown, fixable, exploited";

std::optional<Timestamp> moment(std::int64_t micros) {
  if (micros == 0) return std::nullopt;
  return from_micros(micros);
}

Result<Scan> scan_of(const db::Row& row) {
  HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(1)));
  return Scan{.id = row.integer(0),
              .digest = std::move(digest),
              .state = static_cast<State>(row.integer(2)),
              .reason = row.string(3),
              .os = row.string(4),
              .architecture = row.string(5),
              .requested_at = from_micros(row.integer(6)),
              .completed_at = moment(row.integer(7)),
              .checked_at = moment(row.integer(7)),
              .advisories = row.string(11),
              .scanner = row.string(10),
              .scanner_name = row.string(8),
              .scanner_vendor = row.string(9),
              .counts = {.critical = row.integer(12),
                         .high = row.integer(13),
                         .medium = row.integer(14),
                         .low = row.integer(15),
                         .unknown = row.integer(16),
                         .fixable = row.integer(17),
                         .exploited = row.integer(18)}};
}

Result<std::optional<std::int64_t>> number_in(db::Tx& tx, std::string_view sql,
                                              std::initializer_list<db::Value> values) {
  return tx.find<std::int64_t>(sql, values, [](const db::Row& row) { return row.integer(0); });
}

Result<std::optional<std::int64_t>> manifest_of(db::Tx& tx, const AdapterImage& image) {
  return number_in(tx, "SELECT id FROM manifests WHERE repository_id = $1 AND digest = $2",
                   {image.repository_id, image.digest.text()});
}

std::string joined(const std::vector<oci::Digest>& layers) {
  std::string text;
  for (const oci::Digest& layer : layers) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", layer.text());
  }
  return text;
}

Result<std::vector<oci::Digest>> split(std::string_view text) {
  std::vector<oci::Digest> layers;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    HF_TRY(oci::Digest layer, oci::Digest::parse(text.substr(0, blank)));
    layers.push_back(std::move(layer));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return layers;
}

using Names = std::set<std::pair<std::int64_t, std::string>>;

Names names_of(const ImageReport& report) {
  Names names;
  const auto add = [&](NameKind kind, const std::string& name) {
    names.emplace(static_cast<std::int64_t>(kind), name);
  };
  for (const LayerReport& layer : report.layers) add(NameKind::layer, layer.digest.text());
  for (const Component& component : report.components) {
    add(NameKind::component, component.package.name);
    for (const advisories::Match& match : component.matches()) {
      add(NameKind::vulnerability, match.id);
    }
  }
  return names;
}

// Only what is another than before is written: most reports are like those of the day before.
Result<void> save_names(db::Tx& tx, std::int64_t image_id, const Names& wanted) {
  Names gone;
  HF_CHECK(tx.query("SELECT kind, name FROM scan_adapter_names WHERE image_id = $1", {image_id},
                    [&](const db::Row& row) -> Result<void> {
                      gone.emplace(row.integer(0), row.string(1));
                      return {};
                    }));
  for (const auto& [kind, name] : wanted) {
    if (gone.erase({kind, name}) > 0) continue;
    HF_CHECK(tx.execute("INSERT INTO scan_adapter_names (kind, name, image_id) VALUES ($1, $2, $3)",
                        {kind, name, image_id}));
  }
  for (const auto& [kind, name] : gone) {
    HF_CHECK(
        tx.execute("DELETE FROM scan_adapter_names WHERE kind = $1 AND name = $2 AND image_id = $3",
                   {kind, name, image_id}));
  }
  return {};
}

std::size_t size_of(const ImageReport& report) {
  std::size_t size = 1024;
  for (const Component& component : report.components) {
    size += 512 + component.matches().size() * 1024;
  }
  return size;
}

}  // namespace

Result<std::map<std::string, Scan>> AdapterScans::find(std::int64_t repository_id,
                                                       std::int64_t registration_id,
                                                       std::span<const std::string> digests) {
  std::map<std::string, Scan> found;
  if (digests.empty()) return found;
  std::vector<db::Value> values = {repository_id, registration_id};
  std::vector<db::Value> wanted(digests.begin(), digests.end());
  wanted.resize(std::bit_ceil(wanted.size()), digests.front());
  std::string places;
  for (const db::Value& value : wanted) {
    values.push_back(value);
    places += fmt::format("{}${}", places.empty() ? "" : ", ", values.size());
  }
  const std::string sql = fmt::format(
      "SELECT {} FROM manifests JOIN scan_adapter_images ON manifest_id = manifests.id WHERE "
      "repository_id = $1 AND registration_id = $2 AND manifests.digest IN ({})",
      kColumns, places);
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
      HF_TRY(Scan scan, scan_of(row));
      std::string digest = scan.digest.text();
      found.emplace(std::move(digest), std::move(scan));
      return {};
    });
  }));
  return found;
}

Result<std::shared_ptr<const ImageReport>> AdapterScans::report(const AdapterImage& image) {
  std::string key;
  std::string layers;
  std::string stored;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    key.clear();
    return tx.query(
        "SELECT scan_adapter_images.id, completed_at, layers, report FROM manifests JOIN "
        "scan_adapter_images ON manifest_id = manifests.id WHERE repository_id = $1 AND digest = "
        "$2 AND registration_id = $3 AND completed_at <> 0",
        {image.repository_id, image.digest.text(), image.registration_id},
        [&](const db::Row& row) -> Result<void> {
          key = fmt::format("{}/{}", row.integer(0), row.integer(1));
          layers = row.string(2);
          const auto bytes = row.bytes(3);
          stored.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
          return {};
        });
  }));
  if (key.empty()) {
    return holdfast::fail(ErrorCode::not_found, kNotScanned,
                          fmt::format("{} has not been scanned", image.digest.text()));
  }
  // The key names what was stored, which is never another: nothing has to be dropped.
  if (const auto known = cache_.find(key)) return *known;
  const auto ticket = cache_.ticket(key);
  HF_TRY(const std::string json,
         codec::decompress_zstd(std::as_bytes(std::span(stored)), kStoredBytes));
  HF_TRY(const AdapterReport parsed, parse_adapter_report(json));
  HF_TRY(const auto digests, split(layers));
  auto report = std::make_shared<const ImageReport>(to_image_report(parsed, image.digest, digests));
  cache_.insert(ticket, key, report, size_of(*report));
  return std::shared_ptr<const ImageReport>(std::move(report));
}

Result<void> AdapterScans::request(db::Tx& tx, const AdapterImage& image) {
  HF_TRY(const auto manifest_id, manifest_of(tx, image));
  if (!manifest_id) {
    return holdfast::fail(ErrorCode::not_found, kNotScanned,
                          fmt::format("{} is not in the repository", image.digest.text()));
  }
  static const std::string scanner_now =
      fmt::format("SELECT {} FROM repositories WHERE id = $1", kScannerOfRepository);
  HF_TRY(const auto registration_id, number_in(tx, scanner_now, {image.repository_id}));
  if (registration_id != image.registration_id) {
    return holdfast::fail(ErrorCode::not_found, kNotScanned,
                          "the repository has another scanner by now");
  }
  HF_CHECK(
      tx.execute("DELETE FROM scan_adapter_images WHERE manifest_id = $1 AND registration_id <> $2",
                 {*manifest_id, image.registration_id}));
  HF_CHECK(tx.execute(
      "INSERT INTO scan_adapter_images (manifest_id, registration_id, attempt, state, reason, os, "
      "architecture, layers, requested_at, completed_at, scanner_name, scanner_vendor, "
      "scanner_version, advisories, report, critical, high, medium, low, unknown, fixable, "
      "exploited) VALUES ($1, $2, '', $3, '', '', '', '', $4, 0, '', '', '', '', $5, 0, 0, 0, 0, "
      "0, 0, 0) ON CONFLICT (manifest_id) DO UPDATE SET state = $3, reason = '', attempt = '', "
      "requested_at = $4",
      {*manifest_id, image.registration_id, static_cast<std::int64_t>(State::pending),
       to_micros(clock_.now()), std::span<const std::byte>()}));
  return {};
}

Result<std::string> AdapterScans::begin(const AdapterImage& image, const Beginning& beginning) {
  std::string attempt = uuid(random_);
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    // The job may be older than the repository's choice, or one of a night.
    HF_CHECK(request(tx, image));
    HF_TRY(const auto manifest_id, manifest_of(tx, image));
    HF_CHECK(
        tx.execute("UPDATE scan_adapter_images SET state = $2, attempt = $3, os = $4, "
                   "architecture = $5, layers = $6 WHERE manifest_id = $1",
                   {*manifest_id, static_cast<std::int64_t>(State::scanning), attempt, beginning.os,
                    beginning.architecture, joined(beginning.layers)}));
    return {};
  }));
  return attempt;
}

// Ends an attempt; the row's id, or nothing when it is another's by now.
Result<std::optional<std::int64_t>> AdapterScans::end(db::Tx& tx, const AdapterImage& image,
                                                      std::string_view attempt, State state,
                                                      std::string_view reason) {
  HF_TRY(const auto manifest_id, manifest_of(tx, image));
  if (!manifest_id) return std::optional<std::int64_t>();
  return number_in(
      tx,
      "UPDATE scan_adapter_images SET state = $3, reason = $4, attempt = '' WHERE "
      "manifest_id = $1 AND attempt = $2 RETURNING id",
      {*manifest_id, attempt, static_cast<std::int64_t>(state), reason.substr(0, kReasonBytes)});
}

Result<Counts> AdapterScans::complete(const AdapterImage& image, std::string_view attempt,
                                      const Outcome& outcome,
                                      const std::optional<Occasion>& occasion) {
  const std::string stored = codec::compress_zstd(to_json(outcome.report));
  const ScannerName& scanner = outcome.report.scanner;
  Counts counts;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto id, end(tx, image, attempt, State::completed, ""));
    if (!id) return {};
    std::string layers;
    HF_CHECK(tx.query("SELECT layers FROM scan_adapter_images WHERE id = $1", {*id},
                      [&](const db::Row& row) -> Result<void> {
                        layers = row.string(0);
                        return {};
                      }));
    HF_TRY(const auto digests, split(layers));
    const ImageReport report = to_image_report(outcome.report, image.digest, digests);
    counts = report.counts;
    const Timestamp now = clock_.now();
    HF_CHECK(tx.execute(
        "UPDATE scan_adapter_images SET completed_at = $2, scanner_name = $3, scanner_vendor = "
        "$4, scanner_version = $5, advisories = $6, report = $7, critical = $8, high = $9, medium "
        "= $10, low = $11, unknown = $12, fixable = $13, exploited = $14 WHERE id = $1",
        {*id, to_micros(now), scanner.name, scanner.vendor, scanner.version, outcome.advisories,
         std::as_bytes(std::span(stored)), counts.critical, counts.high, counts.medium, counts.low,
         counts.unknown, counts.fixable, counts.exploited}));
    HF_CHECK(save_names(tx, *id, names_of(report)));
    if (!occasion) return {};
    return append_event(tx, events::Type::scan_completed, image.digest, *occasion, in_words(counts),
                        now);
  }));
  return counts;
}

Result<void> AdapterScans::fail(const AdapterImage& image, std::string_view attempt,
                                std::string_view reason, const Occasion& occasion) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto id, end(tx, image, attempt, State::failed, reason));
    if (!id) return {};
    return append_event(tx, events::Type::scan_failed, image.digest, occasion,
                        reason.substr(0, kReasonBytes), clock_.now());
  });
}

Result<void> AdapterScans::abandon(const AdapterImage& image, std::string_view attempt,
                                   std::string_view reason) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto id, end(tx, image, attempt, State::failed, reason));
    if (!id) return {};
    HF_CHECK(
        tx.execute("UPDATE scan_adapter_images SET state = $2, reason = '' WHERE id = $1 AND "
                   "completed_at <> 0",
                   {*id, static_cast<std::int64_t>(State::completed)}));
    return {};
  });
}

Result<std::shared_ptr<const accounts::Subject>> AdapterScans::subject(std::string_view attempt) {
  std::shared_ptr<const accounts::Subject> found;
  if (attempt.empty()) return found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found = nullptr;
    return tx.query(
        "SELECT repositories.namespace_id, repositories.id FROM scan_adapter_images JOIN manifests "
        "ON manifests.id = manifest_id JOIN repositories ON repositories.id = "
        "manifests.repository_id WHERE attempt = $1 AND attempt <> ''",
        {attempt}, [&](const db::Row& row) -> Result<void> {
          accounts::Subject subject;
          subject.name = kAdapterSubject;
          subject.grants.push_back({.namespace_id = row.integer(0),
                                    .repository_id = row.integer(1),
                                    .level = accounts::Level::read_only});
          found = std::make_shared<const accounts::Subject>(std::move(subject));
          return {};
        });
  }));
  return found;
}

Result<std::vector<AdapterScans::Known>> AdapterScans::known(std::int64_t after,
                                                             std::int64_t limit) {
  std::vector<Known> found;
  const std::string sql = fmt::format(
      "SELECT scan_adapter_images.id, repositories.id, full_name, manifests.digest FROM "
      "scan_adapter_images JOIN manifests ON manifests.id = manifest_id JOIN repositories ON "
      "repositories.id = manifests.repository_id JOIN scan_registrations ON scan_registrations.id "
      "= scan_adapter_images.registration_id WHERE scan_adapter_images.id > $1 AND is_disabled = 0 "
      "AND scan_registrations.id = {} AND (state NOT IN ($2, $3) OR requested_at < $4) ORDER BY "
      "scan_adapter_images.id LIMIT $5",
      kScannerOfRepository);
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(
        sql,
        {after, static_cast<std::int64_t>(State::pending),
         static_cast<std::int64_t>(State::scanning), to_micros(clock_.now() - kLost), limit},
        [&](const db::Row& row) -> Result<void> {
          HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(3)));
          found.push_back({row.integer(0), row.integer(1), row.string(2), std::move(digest)});
          return {};
        });
  }));
  return found;
}

Result<std::int64_t> AdapterScans::forget_orphans(std::int64_t limit) {
  std::int64_t gone = 0;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(gone, tx.execute("DELETE FROM scan_adapter_images WHERE id IN (SELECT id FROM "
                            "scan_adapter_images WHERE registration_id NOT IN (SELECT id FROM "
                            "scan_registrations) ORDER BY id LIMIT $1)",
                            {limit}));
    return {};
  }));
  return gone;
}

}  // namespace holdfast::scanner
