#include "scanner/scans.hpp"

#include <bit>
#include <cstring>
#include <fmt/format.h>

#include "codec/zstd.hpp"
#include "scanner/layers.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::string_view kColumns =
    "id, digest, state, reason, os, architecture, layers_total, layers_done, requested_at, "
    "completed_at, checked_at, advisories, scanner, critical, high, medium, low, unknown, fixable, "
    "exploited, not_covered";
constexpr std::size_t kImageBytes = 64UZ << 20U;
constexpr std::size_t kReasonBytes = 1024;

std::optional<Timestamp> moment(const db::Row& row, int column) {
  if (row.integer(column) == 0) return std::nullopt;
  return from_micros(row.integer(column));
}

Result<Scan> scan_of(const db::Row& row) {
  HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(1)));
  return Scan{.id = row.integer(0),
              .digest = std::move(digest),
              .state = static_cast<State>(row.integer(2)),
              .reason = row.string(3),
              .os = row.string(4),
              .architecture = row.string(5),
              .layers_total = row.integer(6),
              .layers_done = row.integer(7),
              .requested_at = from_micros(row.integer(8)),
              .completed_at = moment(row, 9),
              .checked_at = moment(row, 10),
              .advisories = row.string(11),
              .scanner = row.string(12),
              .counts = {.critical = row.integer(13),
                         .high = row.integer(14),
                         .medium = row.integer(15),
                         .low = row.integer(16),
                         .unknown = row.integer(17),
                         .fixable = row.integer(18),
                         .exploited = row.integer(19)},
              .not_covered = row.integer(20)};
}

// Numbers of 32 bits, little end first: the layer of the release and one, or 0; for each layer how
// many packages it brought (kAltered with it for one that is), then each one's index, doubled, and
// one more when it is present.
constexpr std::uint32_t kAltered = 1U << 31U;
std::string packed(const Image& image) {
  std::string out;
  const auto put = [&](std::uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xffU);
  };
  put(image.release_layer ? *image.release_layer + 1 : 0);
  for (std::uint32_t i = 0; i < image.layers.size(); ++i) {
    const auto& layer = image.layers[i];
    put(static_cast<std::uint32_t>(layer.size()) | (image.altered.contains(i) ? kAltered : 0));
    for (const Brought& one : layer) put(one.package * 2 + (one.is_present ? 1 : 0));
  }
  return codec::compress_zstd(out);
}

Result<Image> unpacked(std::span<const std::byte> stored) {
  HF_TRY(const std::string bytes, codec::decompress_zstd(stored, kImageBytes));
  std::size_t at = 0;
  const auto take = [&] {
    std::uint32_t number = 0;
    for (unsigned shift = 0; shift < 32 && at < bytes.size(); shift += 8, ++at) {
      number |= std::uint32_t{static_cast<unsigned char>(bytes[at])} << shift;
    }
    return number;
  };
  Image image;
  if (const std::uint32_t release = take(); release > 0) image.release_layer = release - 1;
  while (at < bytes.size()) {
    std::vector<Brought>& layer = image.layers.emplace_back();
    const std::uint32_t size = take();
    if ((size & kAltered) != 0) {
      image.altered.insert(static_cast<std::uint32_t>(image.layers.size() - 1));
    }
    for (std::uint32_t left = size & ~kAltered; left > 0 && at < bytes.size(); --left) {
      const std::uint32_t number = take();
      layer.push_back({.package = number / 2, .is_present = number % 2 == 1});
    }
  }
  return image;
}

}  // namespace

Result<void> append_event(db::Tx& tx, events::Type type, const oci::Digest& digest,
                          const Occasion& occasion, std::string_view detail, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor.name = "system";
  event.repository = occasion.repository;
  event.tag = occasion.tag;
  event.digest = digest.text();
  event.detail = detail;
  return events::append(tx, event);
}

std::string in_words(const Counts& counts) {
  return fmt::format("{} critical, {} high, {} medium, {} low, {} unknown", counts.critical,
                     counts.high, counts.medium, counts.low, counts.unknown);
}

Result<std::optional<Scan>> Scans::find(const oci::Digest& digest) {
  const std::string& text = digest.text();
  HF_TRY(auto found, find(std::span(&text, 1)));
  if (found.empty()) return std::optional<Scan>();
  return std::optional<Scan>(std::move(found.begin()->second));
}

Result<std::map<std::string, Scan>> Scans::find(std::span<const std::string> digests) {
  std::map<std::string, Scan> found;
  if (digests.empty()) return found;
  std::vector<db::Value> values(digests.begin(), digests.end());
  values.resize(std::bit_ceil(values.size()), digests.front());
  std::string places;
  for (std::size_t i = 1; i <= values.size(); ++i) {
    places += fmt::format("{}${}", i == 1 ? "" : ", ", i);
  }
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(
        fmt::format("SELECT {} FROM scan_images WHERE digest IN ({})", kColumns, places), values,
        [&](const db::Row& row) -> Result<void> {
          HF_TRY(Scan scan, scan_of(row));
          std::string digest = scan.digest.text();
          found.emplace(std::move(digest), std::move(scan));
          return {};
        });
  }));
  return found;
}

Result<Image> Scans::image(const oci::Digest& digest) {
  std::optional<Image> image;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    image.reset();
    return tx.query("SELECT image FROM scan_images WHERE digest = $1 AND completed_at <> 0",
                    {digest.text()}, [&](const db::Row& row) -> Result<void> {
                      HF_TRY(image, unpacked(row.bytes(0)));
                      return {};
                    });
  }));
  if (image) return *std::move(image);
  return holdfast::fail(ErrorCode::not_found, kNotScanned,
                        fmt::format("{} has not been scanned", digest.text()));
}

Result<std::vector<oci::Digest>> Scans::layers(const oci::Digest& digest) {
  std::vector<oci::Digest> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(
        "SELECT scan_image_layers.digest FROM scan_images JOIN scan_image_layers ON "
        "image_id = scan_images.id WHERE scan_images.digest = $1 ORDER BY position",
        {digest.text()}, [&](const db::Row& row) -> Result<void> {
          HF_TRY(oci::Digest layer, oci::Digest::parse(row.text(0)));
          found.push_back(std::move(layer));
          return {};
        });
  }));
  return found;
}

Result<std::vector<Scan>> Scans::checked_by_others(std::string_view version, std::int64_t after,
                                                   std::int64_t limit) {
  std::vector<Scan> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(fmt::format("SELECT {} FROM scan_images WHERE id > $1 AND advisories <> $2 AND "
                                "completed_at <> 0 ORDER BY id LIMIT $3",
                                kColumns),
                    {after, version, limit}, [&](const db::Row& row) -> Result<void> {
                      HF_TRY(Scan scan, scan_of(row));
                      found.push_back(std::move(scan));
                      return {};
                    });
  }));
  return found;
}

Result<void> Scans::request(db::Tx& tx, const oci::Digest& digest) {
  HF_CHECK(tx.execute(
      "INSERT INTO scan_images (digest, state, reason, os, architecture, scanner, image, "
      "layers_total, layers_done, requested_at, completed_at, checked_at, advisories, critical, "
      "high, medium, low, unknown, fixable, exploited, not_covered) VALUES ($1, $2, '', '', '', "
      "'', $3, 0, 0, $4, 0, 0, '', 0, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT (digest) DO UPDATE SET "
      "state = $2, reason = '', layers_done = 0, requested_at = $4",
      {digest.text(), static_cast<std::int64_t>(State::pending), std::span<const std::byte>(),
       to_micros(clock_.now())}));
  return {};
}

Result<void> Scans::begin(const oci::Digest& digest, const Beginning& beginning) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto id, tx.find<std::int64_t>(
                              "UPDATE scan_images SET state = $2, reason = '', os = $3, "
                              "architecture = $4, layers_total = $5, layers_done = 0 "
                              "WHERE digest = $1 RETURNING id",
                              {digest.text(), static_cast<std::int64_t>(State::scanning),
                               beginning.os, beginning.architecture, std::ssize(beginning.layers)},
                              [](const db::Row& row) { return row.integer(0); }));
    if (!id) return {};  // its manifest went, and what is known of it too
    HF_CHECK(tx.execute("DELETE FROM scan_image_layers WHERE image_id = $1", {*id}));
    std::int64_t position = 0;
    for (const oci::Digest& layer : beginning.layers) {
      HF_CHECK(
          tx.execute("INSERT INTO scan_image_layers (image_id, position, digest) "
                     "VALUES ($1, $2, $3)",
                     {*id, position++, layer.text()}));
    }
    return {};
  });
}

Result<void> Scans::progress(const oci::Digest& digest, std::int64_t layers_done) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("UPDATE scan_images SET layers_done = $2 WHERE digest = $1",
                        {digest.text(), layers_done}));
    return {};
  });
}

Result<void> Scans::complete(const oci::Digest& digest, const Image& image,
                             const std::optional<Check>& check, const Occasion& occasion) {
  const std::string stored = packed(image);
  const Check result = check.value_or(Check{});
  const Counts& counts = result.counts;
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    const Timestamp now = clock_.now();
    HF_CHECK(tx.execute(
        "UPDATE scan_images SET state = $2, reason = '', scanner = $3, image = $4, layers_done = "
        "layers_total, completed_at = $5, checked_at = $6, advisories = $7, critical = $8, high = "
        "$9, medium = $10, low = $11, unknown = $12, fixable = $13, exploited = $14, not_covered = "
        "$15 WHERE digest = $1",
        {digest.text(), static_cast<std::int64_t>(check ? State::completed : State::scanned),
         kScannerVersion, std::as_bytes(std::span(stored)), to_micros(now),
         check ? to_micros(now) : 0, result.advisories, counts.critical, counts.high, counts.medium,
         counts.low, counts.unknown, counts.fixable, counts.exploited, result.not_covered}));
    return append_event(tx, events::Type::scan_completed, digest, occasion, in_words(counts), now);
  });
}

Result<void> Scans::fail(const oci::Digest& digest, std::string_view reason,
                         const Occasion& occasion) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    const std::string_view cut = reason.substr(0, kReasonBytes);
    HF_CHECK(tx.execute("UPDATE scan_images SET state = $2, reason = $3 WHERE digest = $1",
                        {digest.text(), static_cast<std::int64_t>(State::failed), cut}));
    return append_event(tx, events::Type::scan_failed, digest, occasion, cut, clock_.now());
  });
}

Result<void> Scans::checked(const oci::Digest& digest, const Check& check) {
  const Counts& counts = check.counts;
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute(
        "UPDATE scan_images SET state = $2, checked_at = $3, advisories = $4, critical = $5, high "
        "= $6, medium = $7, low = $8, unknown = $9, fixable = $10, exploited = $11, not_covered = "
        "$12 WHERE digest = $1 AND completed_at <> 0",
        {digest.text(), static_cast<std::int64_t>(State::completed), to_micros(clock_.now()),
         check.advisories, counts.critical, counts.high, counts.medium, counts.low, counts.unknown,
         counts.fixable, counts.exploited, check.not_covered}));
    return {};
  });
}

Result<void> Scans::refuse(const oci::Digest& digest, std::string_view reason) {
  return database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute(
        "UPDATE scan_images SET state = $2, reason = $3, completed_at = 0, checked_at = 0 WHERE "
        "digest = $1",
        {digest.text(), static_cast<std::int64_t>(State::failed), reason.substr(0, kReasonBytes)}));
    return {};
  });
}

}  // namespace holdfast::scanner
