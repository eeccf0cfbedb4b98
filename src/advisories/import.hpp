// Builds an advisory database of OSV records.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "advisories/database.hpp"
#include "advisories/osv.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::advisories {

inline constexpr std::string_view kImportEmpty = "advisory_import_empty";  // invalid: no record

// Writes one new database file. Dropping it without finish() removes the file. One thread; memory
// grows with the number of CVEs that have a rating, not with the records.
class Import {
 public:
  // `path` must not exist. `base` is a database of this format, or "": the sources of it that are
  // not added anew are taken over, and the ratings too.
  static Result<std::unique_ptr<Import>> begin(const std::string& path, const std::string& base,
                                               const Clock& clock);
  virtual ~Import() = default;

  // One member of an archive: an OSV record. `source` is the archive's name; "": the family of its
  // first package. A record that cannot be read is counted and left out; the error is of the file
  // alone.
  virtual Result<void> add(std::string_view source, std::string_view bytes) = 0;
  // Known exploited vulnerabilities: CISA's JSON, in place of those before. invalid/kRecordInvalid,
  // kImportEmpty.
  virtual Result<void> add_exploited(std::string_view bytes) = 0;
  // Ratings of CVEs: lines of tab-separated columns below a header with cve, cvss_v3, cvss_v4 and
  // almalinux_min_severity. Each row takes the place of what a table said of its CVE before; what
  // a record says itself goes first.
  virtual Result<void> add_ratings(std::string_view bytes) = 0;
  // One such row of a catalogue (nvd.hpp). "": the catalogue rates it no more.
  virtual void rate(const std::string& cve, const std::string& vector) = 0;

  // Calls `add`, and what that adds counts in whole or, with an error from it, not at all. Also
  // invalid: kImportEmpty when nothing was added, kRecordInvalid as for finish(). How much was
  // added. Not within another part.
  virtual Result<std::int64_t> part(const std::function<Result<void>()>& add) = 0;

  // Everything is on the disk (synced) when it returns. kImportEmpty; invalid/kRecordInvalid when
  // more than one in ten records of a source could not be read, with reasons.
  virtual Result<Info> finish() = 0;

  static constexpr std::uint64_t kRecordBytes = 16ULL << 20U;
};

}  // namespace holdfast::advisories
