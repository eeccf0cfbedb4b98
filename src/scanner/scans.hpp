// How far the scan of each image is, and what it counted. An image is a manifest by its digest,
// whatever repositories have it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "oci/digest.hpp"
#include "scanner/image.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kNotScanned = "image_not_scanned";  // not_found

// DTR's numbers.
enum class State : std::uint8_t {
  failed = 0,
  unscanned = 1,
  scanning = 2,
  pending = 3,
  scanned = 4,    // its packages are known, advisories are not
  checking = 5,   // looked through again, by newer advisories
  completed = 6,  // packages and findings
};

// Findings of an image: one for each package and vulnerability.
struct Counts {
  std::int64_t critical = 0;
  std::int64_t high = 0;
  std::int64_t medium = 0;
  std::int64_t low = 0;
  std::int64_t unknown = 0;    // nobody rated them
  std::int64_t fixable = 0;    // of all these, those with a fixed version
  std::int64_t exploited = 0;  // of all these, those known to be used by attackers
  bool operator==(const Counts&) const = default;
};

struct Scan {
  std::int64_t id = 0;
  oci::Digest digest;
  State state = State::unscanned;
  std::string reason{};  // of a failed one, for people
  std::string os{};
  std::string architecture{};
  std::int64_t layers_total = 0;
  std::int64_t layers_done = 0;
  Timestamp requested_at{};
  std::optional<Timestamp> completed_at{};  // its packages were found
  std::optional<Timestamp> checked_at{};    // they were compared with the advisories
  std::string advisories{};                 // the version of these; "": none
  std::string scanner{};                    // kScannerVersion of then, or another's version
  std::string scanner_name{};               // of another than the built-in one, or ""
  std::string scanner_vendor{};             // likewise
  Counts counts{};
  std::int64_t not_covered = 0;  // packages of which the advisories know nothing
};

// For whom an image is scanned: what its events name.
struct Occasion {
  std::string repository;  // "ns/name"
  std::string tag;         // may be empty
};

// What a check of an image's packages by advisories gave.
struct Check {
  std::string advisories{};  // their version
  Counts counts{};
  std::int64_t not_covered = 0;
};

// "1 critical, 0 high, …": what scan_completed says.
std::string in_words(const Counts& counts);
// Of scan_completed and scan_failed, in the caller's transaction.
Result<void> append_event(db::Tx& tx, events::Type type, const oci::Digest& digest,
                          const Occasion& occasion, std::string_view detail, Timestamp now);

// Of the built-in scanner. Threads: any; all calls block.
class Scans {
 public:
  Scans(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Nothing: nobody asked for it yet.
  Result<std::optional<Scan>> find(const oci::Digest& digest);
  // Those of these that are there, by digest; a page of them at a time.
  Result<std::map<std::string, Scan>> find(std::span<const std::string> digests);
  // How the image was put together. not_found/kNotScanned before it was.
  Result<Image> image(const oci::Digest& digest);
  // Digests of the layers from the bottom up; empty before the scan began.
  Result<std::vector<oci::Digest>> layers(const oci::Digest& digest);
  // Images that were checked by other advisories than `version`, by id behind `after`.
  Result<std::vector<Scan>> checked_by_others(std::string_view version, std::int64_t after,
                                              std::int64_t limit);

  // --- a scan's way, in its order
  // Somebody wants it: pending. In the caller's transaction, beside the job.
  Result<void> request(db::Tx& tx, const oci::Digest& digest);
  struct Beginning {
    std::string os;
    std::string architecture;
    std::vector<oci::Digest> layers;
  };
  Result<void> begin(const oci::Digest& digest, const Beginning& beginning);
  // So many layers are done. Not durable: for those who look on.
  Result<void> progress(const oci::Digest& digest, std::int64_t layers_done);
  // The packages are known, and the findings where there are advisories. One event.
  Result<void> complete(const oci::Digest& digest, const Image& image,
                        const std::optional<Check>& check, const Occasion& occasion);
  // One event.
  Result<void> fail(const oci::Digest& digest, std::string_view reason, const Occasion& occasion);
  // Counted anew.
  Result<void> checked(const oci::Digest& digest, const Check& check);
  // It cannot be counted by the advisories in force: failed, and what was found before is
  // forgotten. No event: nobody asked.
  Result<void> refuse(const oci::Digest& digest, std::string_view reason);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::scanner
