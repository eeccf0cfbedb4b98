#include "api/dtr/alerts.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace holdfast::api::dtr {

namespace {

constexpr std::chrono::days kCertificateDays{30};
constexpr std::chrono::days kBackupDays{7};
constexpr double kDiskFull = 0.85;
constexpr double kDiskNearlyOver = 0.95;

boost::json::object alert(std::string_view id, bool danger, std::string message) {
  return {{"id", id}, {"class", danger ? "danger" : "warning"}, {"message", std::move(message)}};
}

std::string jobs_fail(const std::vector<jobs::Failing>& failing) {
  std::string actions;
  for (const jobs::Failing& one : failing) {
    actions += fmt::format("{}{} ({} in the last day, the last one is {})",
                           actions.empty() ? "" : ", ", one.action, one.count, one.last_job);
  }
  return fmt::format("Jobs are failing: {}. Their logs say why.", actions);
}

void add(boost::json::array& all, const ScannerAlert& scanner) {
  if (!scanner.problem.empty()) {
    std::string sentence = scanner.problem;
    sentence.front() = 'S';
    all.emplace_back(alert("scanning-off", false, sentence + "."));
  }
  if (scanner.stale_since) {
    all.emplace_back(alert("advisories-stale", false,
                           fmt::format("The advisories that images are compared with were last the "
                                       "newest on {}: findings since are missing.",
                                       rfc3339(*scanner.stale_since))));
  } else if (!scanner.stale_feeds.empty()) {
    all.emplace_back(alert("advisories-stale", false,
                           fmt::format("Feeds of advisories have not been read for long: {}. "
                                       "/api/v0/imagescan/status says why.",
                                       fmt::join(scanner.stale_feeds, ", "))));
  }
}

}  // namespace

boost::json::array alerts(const AlertFacts& facts) {
  boost::json::array all;
  if (facts.certificate_ends && *facts.certificate_ends - facts.now < kCertificateDays) {
    const bool over = *facts.certificate_ends <= facts.now;
    const auto days =
        std::chrono::duration_cast<std::chrono::days>(*facts.certificate_ends - facts.now).count();
    all.emplace_back(alert("certificate-ends", over,
                           over ? fmt::format("The server's certificate ended on {}.",
                                              rfc3339(*facts.certificate_ends))
                                : fmt::format("The server's certificate ends in {} days, on {}.",
                                              days, rfc3339(*facts.certificate_ends))));
  }
  if (facts.disk_bytes > 0) {
    const double used =
        1 - static_cast<double>(facts.disk_free_bytes) / static_cast<double>(facts.disk_bytes);
    if (used > kDiskFull) {
      all.emplace_back(
          alert("disk-full", used > kDiskNearlyOver,
                fmt::format("The disk of the data folder is {:.0f} % full: {:.1f} GiB "
                            "are free.",
                            100 * used, static_cast<double>(facts.disk_free_bytes) / (1U << 30U))));
    }
  }
  if (!facts.failing_jobs.empty()) {
    all.emplace_back(alert("jobs-fail", false, jobs_fail(facts.failing_jobs)));
  }
  if (facts.backup) {
    const Timestamp since = facts.backup->made_at.value_or(facts.backup->registry_made_at);
    if (facts.now - since > kBackupDays) {
      const std::string when =
          facts.backup->made_at
              ? fmt::format("The last backup of the metadata was made on {}", rfc3339(since))
              : std::string("The metadata were never saved");
      all.emplace_back(alert("no-backup", false, when + ": holdfast backup makes one."));
    }
  }
  if (facts.scanner) add(all, *facts.scanner);
  return all;
}

}  // namespace holdfast::api::dtr
