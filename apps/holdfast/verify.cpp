#include "verify.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>

#include "blob/digesting.hpp"
#include "repos/inventory.hpp"

namespace holdfast {

namespace {

constexpr int kPage = 200;
constexpr int kHoldersNamed = 5;
constexpr std::size_t kBufferBytes = 1024UZ * 1024;

// What is wrong with a blob's bytes; nothing when they are whole.
std::optional<std::string> fault_of(blob::BlobReader& blobs, const repos::StoredBlob& stored,
                                    std::vector<std::byte>& buffer) {
  const auto reader = blobs.open(stored.key);
  if (!reader) return reader.error().message;
  if ((*reader)->size_bytes() != stored.size_bytes) {
    return fmt::format("it has {} bytes instead of {}", (*reader)->size_bytes(), stored.size_bytes);
  }
  blob::Digesting digesting(stored.digest.algorithm());
  for (std::uint64_t at = 0; at < stored.size_bytes;) {
    const auto got = (*reader)->read_at(at, buffer);
    if (!got) return got.error().message;
    if (*got == 0) return "it ends early";
    digesting.update(std::span(buffer).first(*got));
    at += *got;
  }
  if (const auto actual = digesting.digest(); actual != stored.digest) {
    return "its bytes are " + actual.text();
  }
  return std::nullopt;
}

// Whether the row is still there: a delete may have come between the list and the read.
Result<bool> still_stored(db::Database& database, const repos::InventoryBlob& item) {
  HF_TRY(const auto now, repos::list_blobs(database, item.id - 1, 1));
  return !now.empty() && now.front().id == item.id && now.front().blob.key == item.blob.key;
}

Result<void> verify_blobs(db::Database& database, blob::BlobReader& blobs, Verified& verified,
                          const std::function<void(const Verified&)>& progress) {
  std::vector<std::byte> buffer(kBufferBytes);
  for (std::int64_t after = 0;;) {
    HF_TRY(const auto page, repos::list_blobs(database, after, kPage));
    for (const repos::InventoryBlob& item : page) {
      if (auto fault = fault_of(blobs, item.blob, buffer)) {
        HF_TRY(const bool stored, still_stored(database, item));
        if (!stored) continue;
        HF_TRY(const auto holders, repos::holder_names(database, item.id, kHoldersNamed));
        verified.spoiled.push_back({"blob " + item.blob.digest.text(),
                                    fmt::format("{}", fmt::join(holders, ", ")),
                                    *std::move(fault)});
      }
      ++verified.blobs;
      verified.size_bytes += item.blob.size_bytes;
      progress(verified);
    }
    if (page.size() < kPage) return {};
    after = page.back().id;
  }
}

Result<void> verify_manifests(db::Database& database, Verified& verified,
                              const std::function<void(const Verified&)>& progress) {
  for (std::int64_t after = 0;;) {
    HF_TRY(const auto page, repos::list_manifests(database, after, kPage));
    for (const repos::InventoryManifest& item : page) {
      const std::string& bytes = *item.manifest.bytes;
      blob::Digesting digesting(item.manifest.digest.algorithm());
      digesting.update(std::as_bytes(std::span(bytes)));
      if (const auto actual = digesting.digest(); actual != item.manifest.digest) {
        verified.spoiled.push_back({"manifest " + item.manifest.digest.text(), item.repository,
                                    "its bytes are " + actual.text()});
      }
      ++verified.manifests;
      verified.size_bytes += bytes.size();
      progress(verified);
    }
    if (page.size() < kPage) return {};
    after = page.back().id;
  }
}

}  // namespace

Result<Verified> verify_content(db::Database& database, blob::BlobReader& blobs,
                                const std::function<void(const Verified&)>& progress) {
  Verified verified;
  HF_CHECK(verify_blobs(database, blobs, verified, progress));
  HF_CHECK(verify_manifests(database, verified, progress));
  return verified;
}

}  // namespace holdfast
