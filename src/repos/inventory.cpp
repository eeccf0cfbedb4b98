#include "repos/inventory.hpp"

#include <memory>
#include <utility>

namespace holdfast::repos {

Result<std::vector<InventoryBlob>> list_blobs(db::Database& database, std::int64_t after_id,
                                              int limit) {
  std::vector<InventoryBlob> found;
  HF_CHECK(database.read([&](db::Tx& tx) {
    found.clear();
    return tx.query("SELECT id, digest, key, size FROM blobs WHERE id > $1 ORDER BY id LIMIT $2",
                    {after_id, limit}, [&](const db::Row& row) -> Result<void> {
                      HF_TRY(oci::Digest digest, oci::Digest::parse(row.string(1)));
                      found.push_back({row.integer(0),
                                       {std::move(digest), blob::BlobKey{row.string(2)},
                                        static_cast<std::uint64_t>(row.integer(3))}});
                      return {};
                    });
  }));
  return found;
}

Result<std::vector<std::string>> holder_names(db::Database& database, std::int64_t blob_id,
                                              int limit) {
  std::vector<std::string> names;
  HF_CHECK(database.read([&](db::Tx& tx) {
    names.clear();
    return tx.query(
        "SELECT r.full_name FROM repository_blobs b JOIN repositories r ON r.id = b.repository_id "
        "WHERE b.blob_id = $1 ORDER BY r.full_name LIMIT $2",
        {blob_id, limit}, [&](const db::Row& row) -> Result<void> {
          names.push_back(row.string(0));
          return {};
        });
  }));
  return names;
}

Result<std::vector<InventoryManifest>> list_manifests(db::Database& database, std::int64_t after_id,
                                                      int limit) {
  std::vector<InventoryManifest> found;
  HF_CHECK(database.read([&](db::Tx& tx) {
    found.clear();
    return tx.query(
        "SELECT m.id, r.full_name, m.digest, m.media_type, m.content FROM manifests m "
        "JOIN repositories r ON r.id = m.repository_id WHERE m.id > $1 ORDER BY m.id LIMIT $2",
        {after_id, limit}, [&](const db::Row& row) -> Result<void> {
          HF_TRY(oci::Digest digest, oci::Digest::parse(row.string(2)));
          const auto bytes = row.bytes(4);
          found.push_back({row.integer(0),
                           row.string(1),
                           {std::move(digest), row.string(3),
                            std::make_shared<const std::string>(
                                reinterpret_cast<const char*>(bytes.data()), bytes.size())}});
          return {};
        });
  }));
  return found;
}

}  // namespace holdfast::repos
