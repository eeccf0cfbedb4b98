#include "scanner/results.hpp"

#include <utility>

namespace holdfast::scanner {

Result<std::optional<Scan>> Results::find(std::int64_t repository_id, const oci::Digest& digest) {
  const std::string& text = digest.text();
  HF_TRY(auto found, find(repository_id, std::span(&text, 1)));
  if (found.empty()) return std::optional<Scan>();
  return std::optional<Scan>(std::move(found.begin()->second));
}

Result<std::map<std::string, Scan>> Results::find(std::int64_t repository_id,
                                                  std::span<const std::string> digests) {
  HF_TRY(const auto registration, registrations_.of(repository_id));
  if (!registration) return scans_.find(digests);
  return adapter_scans_.find(repository_id, registration->id, digests);
}

Result<bool> Results::has_attached(std::int64_t repository_id, const oci::Digest& digest) {
  HF_TRY(const auto registration, registrations_.of(repository_id));
  if (registration) return false;
  HF_TRY(const auto attached, attachments_.read_ones(repository_id, digest));
  return !attached.empty();
}

Result<std::shared_ptr<const ImageReport>> Results::report(std::int64_t repository_id,
                                                           const oci::Digest& digest) {
  HF_TRY(const auto registration, registrations_.of(repository_id));
  if (!registration) {
    HF_TRY(const auto attached, attachments_.read_ones(repository_id, digest));
    return reports_.find(digest, attached);
  }
  return adapter_scans_.report({repository_id, registration->id, digest});
}

Result<void> Results::request(db::Tx& tx, std::int64_t repository_id,
                              const std::optional<Registration>& registration,
                              const oci::Digest& digest) {
  if (!registration) return scans_.request(tx, digest);
  return adapter_scans_.request(tx, {repository_id, registration->id, digest});
}

Result<void> Results::tell(const Scan& scan, const Occasion& occasion) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    return append_event(tx, events::Type::scan_completed, scan.digest, occasion,
                        in_words(scan.counts), clock_.now());
  });
}

}  // namespace holdfast::scanner
