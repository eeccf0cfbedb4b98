#include "repos/referring.hpp"

#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>

namespace holdfast::repos {

namespace {

// Rows of digest, media type and content.
Result<std::vector<StoredManifest>> all(db::Database& database, std::string_view sql,
                                        std::span<const db::Value> values) {
  std::vector<StoredManifest> found;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(sql, values, [&](const db::Row& row) -> Result<void> {
      HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(0)));
      const auto bytes = row.bytes(2);
      found.push_back({.digest = std::move(digest),
                       .media_type = row.string(1),
                       .bytes = std::make_shared<const std::string>(
                           reinterpret_cast<const char*>(bytes.data()), bytes.size())});
      return {};
    });
  }));
  return found;
}

}  // namespace

Result<std::vector<StoredManifest>> referring(db::Database& database, std::int64_t repository_id,
                                              const oci::Digest& subject,
                                              std::span<const std::string_view> artifact_types,
                                              std::int64_t limit) {
  std::vector<db::Value> values = {repository_id, subject.text(), limit};
  std::string places;
  for (const std::string_view type : artifact_types) {
    values.emplace_back(type);
    places += fmt::format("{}${}", places.empty() ? "" : ", ", values.size());
  }
  return all(database,
             fmt::format("SELECT digest, media_type, content FROM manifests WHERE repository_id = "
                         "$1 AND subject = $2 AND artifact_type IN ({}) ORDER BY digest LIMIT $3",
                         places),
             values);
}

Result<std::vector<StoredManifest>> indexes_of(db::Database& database, std::int64_t repository_id,
                                               const oci::Digest& child, std::int64_t limit) {
  const std::vector<db::Value> values = {repository_id, child.text(), limit};
  return all(
      database,
      "SELECT manifests.digest, media_type, content FROM manifest_children JOIN manifests ON "
      "manifests.id = parent_id WHERE manifest_children.repository_id = $1 AND "
      "manifest_children.digest = $2 ORDER BY manifests.digest LIMIT $3",
      values);
}

}  // namespace holdfast::repos
