#include "repos/images.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <utility>

#include "codec/json.hpp"

namespace holdfast::repos {

namespace {

constexpr std::uint64_t kConfigLimitBytes = 4UZ << 20U;
// An image has some dozens of steps; a stranger writes a million. The first ones are kept.
constexpr std::size_t kStepsAtMost = 1000;
constexpr std::size_t kStepsBytes = 256UZ << 10U;

constexpr std::string_view kManifestColumns =
    "m.digest, m.media_type, m.content, m.pushed_at, COALESCE(a.uuid, '')";
constexpr std::string_view kTagColumns = "t.name, COALESCE(b.uuid, ''), t.created_at, t.pushed_at";
constexpr std::string_view kTagged =
    "FROM tags t JOIN manifests m ON m.id = t.manifest_id "
    "LEFT JOIN accounts a ON a.id = m.pushed_by LEFT JOIN accounts b ON b.id = t.pushed_by";

Result<PushedManifest> manifest_of(const db::Row& row) {
  HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(0)));
  const auto bytes = row.bytes(2);
  return PushedManifest{{std::move(digest), row.string(1),
                         std::make_shared<const std::string>(
                             reinterpret_cast<const char*>(bytes.data()), bytes.size())},
                        row.string(4),
                        from_micros(row.integer(3)),
                        "",
                        "",
                        {},
                        {}};
}

// The columns of a tag begin with `first`.
void put_tag(const db::Row& row, int first, PushedManifest& found) {
  found.tag = row.string(first);
  found.tag_author_uuid = row.string(first + 1);
  found.tag_created_at = from_micros(row.integer(first + 2));
  found.tag_updated_at = from_micros(row.integer(first + 3));
}

Result<PushedManifest> tag_of(const db::Row& row) {
  HF_TRY(PushedManifest found, manifest_of(row));
  put_tag(row, 5, found);
  return found;
}

Error unknown(std::string_view name) {
  return fail(ErrorCode::not_found, kManifestUnknown,
              fmt::format("there is no image {} here", name));
}

using Read = Result<PushedManifest> (*)(const db::Row& row);

Result<std::vector<PushedManifest>> all(db::Database& database, std::string_view sql,
                                        const std::vector<db::Value>& values, Read read) {
  std::vector<PushedManifest> found;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
      HF_TRY(PushedManifest one, read(row));
      found.push_back(std::move(one));
      return {};
    });
  }));
  return found;
}

Result<std::int64_t> count_in(db::Database& database, std::string_view sql,
                              std::int64_t repository_id) {
  std::int64_t number = 0;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    return tx.query(sql, {repository_id}, [&](const db::Row& row) -> Result<void> {
      number = row.integer(0);
      return {};
    });
  }));
  return number;
}

// Nothing when it has an end before its size, or cannot be read as JSON.
Result<std::optional<boost::json::value>> read_json(blob::Store& blobs, const StoredBlob& stored) {
  std::optional<boost::json::value> nothing;
  if (stored.size_bytes > kConfigLimitBytes) return nothing;
  HF_TRY(const auto reader, blobs.open(stored.key));
  std::string text(stored.size_bytes, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    HF_TRY(const std::size_t got,
           reader->read_at(done, std::as_writable_bytes(std::span(text).subspan(done))));
    if (got == 0) return nothing;
    done += got;
  }
  auto value = codec::parse_json(text);
  if (!value) return nothing;
  return std::optional(*std::move(value));
}

std::string text_in(const boost::json::value& value, std::string_view name) {
  return std::string(codec::string_member(value, name).value_or(""));
}

std::vector<std::string> texts_in(const boost::json::value& value, std::string_view name) {
  std::vector<std::string> texts;
  const boost::json::value* list = codec::member(value, name);
  if (list == nullptr || !list->is_array()) return texts;
  for (const boost::json::value& one : list->get_array()) {
    if (one.is_string()) texts.emplace_back(one.get_string());
  }
  return texts;
}

// What says how a container runs; a part that is not as it should be is left out.
void read_run(const boost::json::value& run, ImageConfig& config) {
  config.user = text_in(run, "User");
  config.working_dir = text_in(run, "WorkingDir");
  config.env = texts_in(run, "Env");
  config.entrypoint = texts_in(run, "Entrypoint");
  config.cmd = texts_in(run, "Cmd");
  const boost::json::value* ports = codec::member(run, "ExposedPorts");
  if (ports != nullptr && ports->is_object()) {
    for (const auto& port : ports->get_object()) config.ports.emplace_back(port.key());
  }
  const boost::json::value* labels = codec::member(run, "Labels");
  if (labels == nullptr || !labels->is_object()) return;
  for (const auto& label : labels->get_object()) {
    if (label.value().is_string()) config.labels.emplace(label.key(), label.value().get_string());
  }
}

ImageConfig config_of(const boost::json::value& value) {
  ImageConfig config{text_in(value, "os"),
                     text_in(value, "architecture"),
                     text_in(value, "os.version"),
                     text_in(value, "author"),
                     text_in(value, "created"),
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {}};
  if (const boost::json::value* run = codec::member(value, "config")) read_run(*run, config);
  if (const boost::json::value* root = codec::member(value, "rootfs")) {
    config.diff_ids = texts_in(*root, "diff_ids");
    config.diff_ids.resize(std::min(config.diff_ids.size(), kStepsAtMost));
  }
  const boost::json::value* history = codec::member(value, "history");
  if (history == nullptr || !history->is_array()) return config;
  std::size_t bytes = 0;
  for (const boost::json::value& step : history->get_array()) {
    const boost::json::value* empty = codec::member(step, "empty_layer");
    std::string line = text_in(step, "created_by");
    bytes += line.size();
    if (config.history.size() == kStepsAtMost || bytes > kStepsBytes) break;
    config.history.push_back(
        {std::move(line), empty != nullptr && empty->is_bool() && empty->get_bool()});
  }
  return config;
}

// What the cache counts for a config.
std::size_t size_of(const ImageConfig& config) {
  std::size_t size = 512;
  for (const ImageConfig::Step& step : config.history) size += step.created_by.size() + 64;
  for (const auto* texts :
       {&config.diff_ids, &config.env, &config.entrypoint, &config.cmd, &config.ports}) {
    for (const std::string& text : *texts) size += text.size() + 32;
  }
  for (const auto& [name, value] : config.labels) size += name.size() + value.size() + 96;
  return size;
}

}  // namespace

Result<std::vector<PushedManifest>> Images::tags(std::int64_t repository_id, std::string_view start,
                                                 std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {}, {} {} WHERE t.repository_id = $1 AND t.name >= $2 ORDER BY t.name LIMIT $3",
      kManifestColumns, kTagColumns, kTagged);
  return all(database_, sql, {repository_id, start, limit}, tag_of);
}

Result<std::vector<PushedManifest>> Images::find(std::int64_t repository_id,
                                                 const Reference& reference, std::int64_t limit) {
  static const std::string by_tag =
      fmt::format("SELECT {}, {} {} WHERE t.repository_id = $1 AND t.name = $2", kManifestColumns,
                  kTagColumns, kTagged);
  const auto* tag = std::get_if<oci::Tag>(&reference);
  if (tag == nullptr) return on_digest(repository_id, std::get<oci::Digest>(reference), limit);
  HF_TRY(auto found, all(database_, by_tag, {repository_id, tag->text()}, tag_of));
  if (found.empty()) return unknown(tag->text());
  return found;
}

// The bytes are read once, however many tags are on them.
Result<std::vector<PushedManifest>> Images::on_digest(std::int64_t repository_id,
                                                      const oci::Digest& digest,
                                                      std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM tags t JOIN manifests m ON m.id = t.manifest_id LEFT JOIN accounts b ON "
      "b.id = t.pushed_by WHERE m.repository_id = $1 AND m.digest = $2 ORDER BY t.name LIMIT $3",
      kTagColumns);
  const std::string& text = digest.text();
  HF_TRY(auto found, manifests(repository_id, text, 1));
  if (found.empty() || found.front().stored.digest != digest) return unknown(text);
  const PushedManifest manifest = found.front();
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(sql, {repository_id, text, limit}, [&](const db::Row& row) -> Result<void> {
      put_tag(row, 0, found.emplace_back(manifest));
      return {};
    });
  }));
  if (found.empty()) found.push_back(manifest);
  return found;
}

Result<std::vector<PushedManifest>> Images::manifests(std::int64_t repository_id,
                                                      std::string_view start, std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM manifests m LEFT JOIN accounts a ON a.id = m.pushed_by "
      "WHERE m.repository_id = $1 AND m.digest >= $2 ORDER BY m.digest LIMIT $3",
      kManifestColumns);
  return all(database_, sql, {repository_id, start, limit}, manifest_of);
}

Result<std::int64_t> Images::count_tags(std::int64_t repository_id) {
  return count_in(database_, "SELECT count(*) FROM tags WHERE repository_id = $1", repository_id);
}

Result<std::int64_t> Images::count_manifests(std::int64_t repository_id) {
  return count_in(database_, "SELECT count(*) FROM manifests WHERE repository_id = $1",
                  repository_id);
}

Result<std::shared_ptr<const ImageConfig>> Images::config(std::int64_t repository_id,
                                                          const oci::Manifest& manifest) {
  std::shared_ptr<const ImageConfig> none;
  if (!manifest.config) return none;
  const oci::Digest& digest = manifest.config->digest;
  // By the blob first: a digest alone shows nobody what is in another repository.
  const auto stored = content_.blob(repository_id, digest);
  if (!stored && stored.error().code == ErrorCode::not_found) return none;
  HF_CHECK(stored);
  if (auto known = configs_.find(digest.text())) return *std::move(known);
  const auto ticket = configs_.ticket(digest.text());
  HF_TRY(const auto value, read_json(blobs_, **stored));
  if (!value) return none;
  const auto config = std::make_shared<const ImageConfig>(config_of(*value));
  configs_.insert(ticket, digest.text(), config, size_of(*config));
  return config;
}

}  // namespace holdfast::repos
