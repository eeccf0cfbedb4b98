// What administrators should know before it hurts.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup.hpp"
#include "base/clock.hpp"
#include "jobs/queue.hpp"

namespace holdfast::api::dtr {

struct ScannerAlert {
  std::string problem{};                   // why nothing is scanned; "": it is
  std::optional<Timestamp> stale_since{};  // when stale advisories were the newest
  std::vector<std::string> stale_feeds{};
};

struct AlertFacts {
  Timestamp now{};
  std::optional<Timestamp> certificate_ends{};  // nothing: not known
  std::uint64_t disk_bytes = 0;  // of the file system of the data folder; 0: not known
  std::uint64_t disk_free_bytes = 0;
  std::vector<jobs::Failing> failing_jobs{};
  std::optional<backup::Last> backup{};   // nothing: no word about backups is wanted
  std::optional<ScannerAlert> scanner{};  // nothing: scanning is switched off
};

// [{"id":…,"class":"warning"|"danger","message":…}]: a certificate that ends in under 30 days, a
// disk that is over 85 % full, jobs that fail, no backup within a week, a scanner that cannot scan,
// and advisories that are older than the settings allow.
boost::json::array alerts(const AlertFacts& facts);

}  // namespace holdfast::api::dtr
