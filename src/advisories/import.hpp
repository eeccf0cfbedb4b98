// Builds an advisory database of OSV records: https://ossf.github.io/osv-schema/
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "advisories/database.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::advisories {

inline constexpr std::string_view kRecordInvalid = "advisory_record_invalid";  // invalid
inline constexpr std::string_view kImportEmpty = "advisory_import_empty";      // invalid: no record

// Writes one new database file. Dropping it without finish() removes the file. One thread.
class Import {
 public:
  virtual ~Import() = default;

  // `path` must not exist.
  static Result<std::unique_ptr<Import>> begin(const std::string& path, const Clock& clock);

  // One member of an archive: an OSV record, or a bundle's list of them. `source` is the archive's
  // name. A record that cannot be read is counted and left out; a source of which more than one in
  // ten records is so is refused at finish(), as is a member that holds more than kEvents events.
  virtual Result<void> add(std::string_view source, std::string_view member,
                           std::string_view bytes) = 0;
  // Known exploited vulnerabilities: CISA's JSON.
  virtual Result<void> add_exploited(std::string_view bytes) = 0;
  // Vectors of CVEs: lines of tab-separated columns with a header, as in cve-severity.tsv.
  virtual Result<void> add_severities(std::string_view bytes) = 0;

  // Everything is on the disk (synced) when it returns. kImportEmpty; kRecordInvalid.
  virtual Result<Info> finish() = 0;

  static constexpr std::uint64_t kRecordBytes = 16ULL << 20U;
  static constexpr std::uint64_t kEvents = 200'000;
};

}  // namespace holdfast::advisories
