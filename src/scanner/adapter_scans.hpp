// What scanners of others said of images: one report for each image of a repository, replaced by
// the next one. Nothing here is shared between repositories.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"
#include "base/clock.hpp"
#include "base/fill_cache.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/digest.hpp"
#include "scanner/adapter_report.hpp"
#include "scanner/reports.hpp"
#include "scanner/scans.hpp"

namespace holdfast::scanner {

// The name of the subject that adapters read as, in events. No account can have it.
inline constexpr std::string_view kAdapterSubject = "system:scanner";

// What rows of scan_adapter_names are about; stored by number.
enum class NameKind : std::uint8_t { vulnerability, component, layer };

// An image where one registration scans it.
struct AdapterImage {
  std::int64_t repository_id = 0;
  std::int64_t registration_id = 0;
  oci::Digest digest;
};

// Threads: any; all calls block.
class AdapterScans {
 public:
  AdapterScans(db::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  // Those of these that the registration was asked about, by digest.
  Result<std::map<std::string, Scan>> find(std::int64_t repository_id, std::int64_t registration_id,
                                           std::span<const std::string> digests);
  // not_found/kNotScanned before there was one.
  Result<std::shared_ptr<const ImageReport>> report(const AdapterImage& image);

  // --- a scan's way, in its order
  // Somebody wants it: pending. In the caller's transaction, beside the job. What another
  // registration said of it goes. not_found/kNotScanned: the repository has no such image, or
  // another scanner by now.
  Result<void> request(db::Tx& tx, const AdapterImage& image);
  struct Beginning {
    std::string os{};
    std::string architecture{};
    std::vector<oci::Digest> layers{};
  };
  // The name of this attempt, which its credential and what follows are bound to: an earlier one
  // ends with it.
  Result<std::string> begin(const AdapterImage& image, const Beginning& beginning);
  struct Outcome {
    AdapterReport report{};
    std::string advisories{};  // when its vulnerabilities are from; "": not said
  };
  // What follows does nothing when another attempt has begun meanwhile, or the image is gone.
  // The report and its names, in the place of those before. One event, unless nobody asked: without
  // an occasion.
  Result<Counts> complete(const AdapterImage& image, std::string_view attempt,
                          const Outcome& outcome, const std::optional<Occasion>& occasion);
  // An earlier report stays. One event.
  Result<void> fail(const AdapterImage& image, std::string_view attempt, std::string_view reason,
                    const Occasion& occasion);
  // As fail(), for what nobody asked for: with an earlier report it is complete as before. No
  // event.
  Result<void> abandon(const AdapterImage& image, std::string_view attempt,
                       std::string_view reason);

  // Who an adapter is while the attempt goes on: may pull from its repository and nothing else.
  // Null: it has ended.
  Result<std::shared_ptr<const accounts::Subject>> subject(std::string_view attempt);

  struct Known {
    std::int64_t id = 0;
    std::int64_t repository_id = 0;
    std::string repository{};
    oci::Digest digest;
  };
  // Images that are scanned by the registration that their repository has now, enabled and not
  // under way, by id behind `after`.
  Result<std::vector<Known>> known(std::int64_t after, std::int64_t limit);
  // Forgets some of those whose registration is gone. How many.
  Result<std::int64_t> forget_orphans(std::int64_t limit);

 private:
  Result<std::optional<std::int64_t>> end(db::Tx& tx, const AdapterImage& image,
                                          std::string_view attempt, State state,
                                          std::string_view reason);

  db::Database& database_;
  const Clock& clock_;
  Random& random_;
  FillCache<std::shared_ptr<const ImageReport>> cache_{64UZ << 20U};  // by bytes
};

}  // namespace holdfast::scanner
