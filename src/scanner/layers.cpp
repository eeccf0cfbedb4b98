#include "scanner/layers.hpp"

#include <array>
#include <set>
#include <tuple>

#include "codec/zstd.hpp"
#include "packages/json.hpp"
#include "packages/purl.hpp"

namespace holdfast::scanner {

namespace {

// The worker's answers are bounded below this.
constexpr std::size_t kReportBytes = 128UZ << 20U;
constexpr std::size_t kLicenseBytes = 256;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).push_back('\0');
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// The name under which advisories speak of a package: that of its source where a distribution
// builds it from one.
std::string_view advisory_name(const packages::Package& package, const std::string& normal) {
  return package.source_name.empty() ? std::string_view(normal) : package.source_name;
}

Result<std::int64_t> component_id(db::Tx& tx, const packages::Package& package) {
  const std::string normal = packages::normal_name(package.type, package.name);
  const std::string_view type = packages::name(package.type);
  const std::string_view source = advisory_name(package, normal);
  // Not ON CONFLICT DO UPDATE: base images bring the same rows again and again.
  HF_CHECK(
      tx.execute("INSERT INTO scan_components (type, name, version, advisory_name) "
                 "VALUES ($1, $2, $3, $4) ON CONFLICT (type, name, version, advisory_name) "
                 "DO NOTHING",
                 {type, normal, package.version, source}));
  HF_TRY(const auto id,
         tx.find<std::int64_t>("SELECT id FROM scan_components WHERE type = $1 AND name = $2 AND "
                               "version = $3 AND advisory_name = $4",
                               {type, normal, package.version, source},
                               [](const db::Row& row) { return row.integer(0); }));
  return id.value_or(0);
}

Result<void> save_rows(db::Tx& tx, std::int64_t layer_id, const packages::Layer& report) {
  std::set<std::tuple<packages::Type, std::string_view, std::string_view, std::string_view>> known;
  std::set<std::string> licenses;
  for (const packages::Package& package : report.packages) {
    for (const std::string& license : package.licenses) {
      if (license.size() <= kLicenseBytes) licenses.insert(license);
    }
    if (!known.insert({package.type, package.name, package.version, package.source_name}).second) {
      continue;
    }
    HF_TRY(const std::int64_t component, component_id(tx, package));
    HF_CHECK(
        tx.execute("INSERT INTO scan_layer_components (component_id, layer_id) "
                   "VALUES ($1, $2) ON CONFLICT (component_id, layer_id) DO NOTHING",
                   {component, layer_id}));
  }
  for (const std::string& license : licenses) {
    HF_CHECK(tx.execute("INSERT INTO scan_layer_licenses (license, layer_id) VALUES ($1, $2)",
                        {license, layer_id}));
  }
  return {};
}

}  // namespace

std::span<const db::Migration> migrations() {
  static constexpr std::array kMigrations = {
      db::Migration{"scanner/0001-layers", R"(CREATE TABLE scan_layers (
          id {id},
          digest {text} NOT NULL,
          scanner {text} NOT NULL,
          state {int} NOT NULL,
          report {bytes} NOT NULL,
          files {bytes} NOT NULL,
          scanned_at {int} NOT NULL,
          UNIQUE (digest, scanner));
        CREATE TABLE scan_components (
          id {id},
          type {text} NOT NULL,
          name {text} NOT NULL,
          version {text} NOT NULL,
          advisory_name {text} NOT NULL,
          UNIQUE (type, name, version, advisory_name));
        CREATE INDEX scan_components_advisory ON scan_components (advisory_name, type);
        CREATE INDEX scan_components_name ON scan_components (name, id);
        CREATE TABLE scan_layer_components (
          component_id {int} NOT NULL REFERENCES scan_components (id),
          layer_id {int} NOT NULL REFERENCES scan_layers (id) ON DELETE CASCADE,
          PRIMARY KEY (component_id, layer_id));
        CREATE INDEX scan_layer_components_layer ON scan_layer_components (layer_id);
        CREATE TABLE scan_layer_licenses (
          license {text} NOT NULL,
          layer_id {int} NOT NULL REFERENCES scan_layers (id) ON DELETE CASCADE,
          PRIMARY KEY (license, layer_id));
        CREATE INDEX scan_layer_licenses_layer ON scan_layer_licenses (layer_id))"},
      db::Migration{"scanner/0002-images", R"(CREATE TABLE scan_images (
          id {id},
          digest {text} NOT NULL UNIQUE,
          state {int} NOT NULL,
          reason {text} NOT NULL,
          os {text} NOT NULL,
          architecture {text} NOT NULL,
          scanner {text} NOT NULL,
          image {bytes} NOT NULL,
          layers_total {int} NOT NULL,
          layers_done {int} NOT NULL,
          requested_at {int} NOT NULL,
          completed_at {int} NOT NULL,
          checked_at {int} NOT NULL,
          advisories {text} NOT NULL,
          critical {int} NOT NULL,
          high {int} NOT NULL,
          medium {int} NOT NULL,
          low {int} NOT NULL,
          unknown {int} NOT NULL,
          fixable {int} NOT NULL,
          exploited {int} NOT NULL,
          not_covered {int} NOT NULL);
        CREATE INDEX scan_images_advisories ON scan_images (advisories, id);
        CREATE TABLE scan_image_layers (
          image_id {int} NOT NULL REFERENCES scan_images (id) ON DELETE CASCADE,
          position {int} NOT NULL,
          digest {text} NOT NULL,
          PRIMARY KEY (image_id, position));
        CREATE INDEX scan_image_layers_digest ON scan_image_layers (digest, image_id);
        CREATE TABLE scan_cursor (
          one {int} PRIMARY KEY,
          last_event_id {int} NOT NULL,
          holder {text} NOT NULL,
          held_until {int} NOT NULL))"},
      db::Migration{"scanner/0003-advisories", R"(CREATE TABLE scan_advisories (
          one {int} PRIMARY KEY,
          digest {text} NOT NULL,
          version {text} NOT NULL);
        CREATE TABLE scan_updates (
          one {int} PRIMARY KEY,
          tried_at {int} NOT NULL,
          succeeded_at {int} NOT NULL,
          problem {text} NOT NULL,
          progress {text} NOT NULL))"},
      db::Migration{"scanner/0004-waivers", R"(CREATE TABLE scan_waivers (
          id {id},
          uuid {text} NOT NULL UNIQUE,
          layer {text} NOT NULL,
          repository_id {int} NOT NULL,
          vulnerability {text} NOT NULL,
          component {text} NOT NULL,
          version {text} NOT NULL,
          notes {text} NOT NULL,
          author {text} NOT NULL,
          created_at {int} NOT NULL,
          expires_at {int} NOT NULL))"},
      db::Migration{"scanner/0005-waivers-of-documents",
                    R"(ALTER TABLE scan_waivers ADD COLUMN type {text} NOT NULL DEFAULT '';
        ALTER TABLE scan_waivers ADD COLUMN distribution {text} NOT NULL DEFAULT '';
        ALTER TABLE scan_waivers ADD COLUMN architecture {text} NOT NULL DEFAULT '';
        ALTER TABLE scan_waivers ADD COLUMN image {text} NOT NULL DEFAULT '';
        ALTER TABLE scan_waivers ADD COLUMN document {text} NOT NULL DEFAULT '';
        CREATE INDEX scan_waivers_document ON scan_waivers (repository_id, document))"},
  };
  return kMigrations;
}

Result<std::optional<StoredLayer>> Layers::find(const oci::Digest& digest, Files files,
                                                std::string_view reader) {
  std::optional<StoredLayer> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.reset();
    return tx.query(
        files == Files::with ? "SELECT id, state, report, scanned_at, files FROM scan_layers "
                               "WHERE digest = $1 AND scanner = $2"
                             : "SELECT id, state, report, scanned_at FROM scan_layers "
                               "WHERE digest = $1 AND scanner = $2",
        {digest.text(), reader}, [&](const db::Row& row) -> Result<void> {
          StoredLayer layer{.id = row.integer(0),
                            .state = static_cast<LayerState>(row.integer(1)),
                            .scanned_at = from_micros(row.integer(3))};
          HF_TRY(const std::string json, codec::decompress_zstd(row.bytes(2), kReportBytes));
          HF_TRY(layer.report, packages::parse_layer(json));
          if (files == Files::with) {
            HF_TRY(const std::string names, codec::decompress_zstd(row.bytes(4), kReportBytes));
            layer.report.files = split(names);
          }
          found = std::move(layer);
          return {};
        });
  }));
  return found;
}

Result<bool> Layers::is_known(const oci::Digest& digest, std::string_view reader) {
  bool known = false;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto found,
           tx.find<bool>("SELECT 1 FROM scan_layers WHERE digest = $1 AND scanner = $2",
                         {digest.text(), reader}, [](const db::Row&) { return true; }));
    known = found.has_value();
    return {};
  }));
  return known;
}

Result<void> Layers::save(const oci::Digest& digest, LayerState state,
                          const packages::Layer& report, std::string_view reader) {
  packages::Layer without_files = report;
  without_files.files.clear();
  const std::string json = codec::compress_zstd(packages::to_json(without_files));
  const std::string files = codec::compress_zstd(joined(report.files));
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    std::int64_t id = 0;
    HF_CHECK(tx.query(
        "INSERT INTO scan_layers (digest, scanner, state, report, files, scanned_at) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (digest, scanner) DO NOTHING RETURNING id",
        {digest.text(), reader, static_cast<std::int64_t>(state), bytes_of(json), bytes_of(files),
         to_micros(clock_.now())},
        [&](const db::Row& row) -> Result<void> {
          id = row.integer(0);
          return {};
        }));
    if (id == 0) return {};
    return save_rows(tx, id, report);
  });
}

Result<void> Layers::forget(const oci::Digest& digest) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("DELETE FROM scan_layers WHERE digest = $1", {digest.text()}));
    return {};
  });
}

}  // namespace holdfast::scanner
