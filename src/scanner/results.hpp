// What is known of an image where it lies: by the scanner that its repository has.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/digest.hpp"
#include "scanner/adapter_scans.hpp"
#include "scanner/attachments.hpp"
#include "scanner/registrations.hpp"
#include "scanner/reports.hpp"
#include "scanner/scans.hpp"

namespace holdfast::scanner {

// The built-in scanner's results are those of a digest, wherever it lies; another's are of one
// repository, and no other one ever shows them. Threads: any; calls block.
class Results {
 public:
  Results(db::Database& database, Registrations& registrations, Scans& scans, Reports& reports,
          Attachments& attachments, AdapterScans& adapter_scans, const Clock& clock)
      : database_(database),
        registrations_(registrations),
        scans_(scans),
        reports_(reports),
        attachments_(attachments),
        adapter_scans_(adapter_scans),
        clock_(clock) {}

  // Nothing: nobody asked that scanner for it yet.
  Result<std::optional<Scan>> find(std::int64_t repository_id, const oci::Digest& digest);
  // Those of these that are there, by digest; a page of them at a time.
  Result<std::map<std::string, Scan>> find(std::int64_t repository_id,
                                           std::span<const std::string> digests);
  // Whether lists beside the image count there as well, of which the counts of find() know nothing.
  Result<bool> has_attached(std::int64_t repository_id, const oci::Digest& digest);
  // not_found/kNotScanned before there is one.
  Result<std::shared_ptr<const ImageReport>> report(std::int64_t repository_id,
                                                    const oci::Digest& digest);
  // Somebody wants it: pending. In the caller's transaction. Without a registration: built in.
  Result<void> request(db::Tx& tx, std::int64_t repository_id,
                       const std::optional<Registration>& registration, const oci::Digest& digest);
  // It was complete already: one event, for whoever waits for this occasion's.
  Result<void> tell(const Scan& scan, const Occasion& occasion);

 private:
  db::Database& database_;
  Registrations& registrations_;
  Scans& scans_;
  Reports& reports_;
  Attachments& attachments_;
  AdapterScans& adapter_scans_;
  const Clock& clock_;
};

}  // namespace holdfast::scanner
