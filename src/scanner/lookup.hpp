// Which images have something: a vulnerability, a component, a layer, a licence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/digest.hpp"
#include "repos/repository.hpp"
#include "scanner/adapter_scans.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/reports.hpp"

namespace holdfast::scanner {

// An image where it lies.
struct FoundImage {
  std::int64_t image_id = 0;  // of the scan
  oci::Digest digest;
  std::int64_t repository_id = 0;
  std::string tag{};  // one of those that are on it; "": none
};

// Threads: any; calls block. Images by the id of their scan and the id of the repository, of those
// repositories that `visible` shows: the rest leaves no trace, neither in rows nor in `next`. First
// those that the built-in scanner found in repositories that have it, then those of others.
class Lookup {
 public:
  struct Position {
    std::int64_t image_id = 0;
    std::int64_t repository_id = 0;
  };
  struct Page {
    Position after{};
    std::int64_t limit = 10;
    repos::VisibleSet visible{};
  };
  struct Found {
    std::vector<FoundImage> images{};
    // Where to go on. A page may be short: of a vulnerability those are passed over that have the
    // package in a version that is not affected, and only so many for one page.
    std::optional<Position> next{};
  };
  Lookup(db::Database& database, Reports& reports, AdvisoryStore& advisories)
      : database_(database), reports_(reports), advisories_(advisories) {}

  Result<Found> with_vulnerability(std::string_view name, const Page& page);
  Result<Found> with_component(std::string_view name, const Page& page);
  Result<Found> with_layer(std::string_view digest, const Page& page);
  Result<Found> with_license(std::string_view license, const Page& page);

 private:
  Result<Found> of_built_in(std::string_view vulnerability, const Page& page);
  // `found` with those of other scanners behind it, as far as the page goes.
  Result<Found> and_of_others(Found found, NameKind kind, std::string_view name, const Page& page);

  db::Database& database_;
  Reports& reports_;
  AdvisoryStore& advisories_;
};

}  // namespace holdfast::scanner
