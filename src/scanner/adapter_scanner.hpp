// Scans by others: an image is given to the adapter that its repository has, with a credential that
// reads that repository while the scan goes on; its report is polled for and kept.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "jobs/run.hpp"
#include "repos/content.hpp"
#include "repos/images.hpp"
#include "repos/repositories.hpp"
#include "scanner/adapter_client.hpp"
#include "scanner/adapter_scans.hpp"
#include "scanner/registrations.hpp"
#include "settings/store.hpp"
#include "token/tokens.hpp"

namespace holdfast::scanner {

// The kinds of jobs.
inline constexpr std::string_view kAdapterScanAction = "adapter_scan";         // one image
inline constexpr std::string_view kAdapterScanAllAction = "adapter_scan_all";  // all again

struct AdapterScannerParts {
  repos::Repositories& repositories;
  repos::Content& content;
  repos::Images& images;
  settings::Store& settings;
  token::Tokens& tokens;
  Registrations& registrations;
  AdapterScans& scans;
  std::string external_url;  // of this registry; "": registrations must say one
};

// Threads: any; all calls block.
class AdapterScanner {
 public:
  explicit AdapterScanner(AdapterScannerParts parts) : parts_(std::move(parts)) {}

  // One image that is in the repository. What goes wrong with the adapter is tried once more, then
  // it makes the scan a failed one (with an event) and the job too.
  Result<void> scan(jobs::Run& run, const Registration& registration,
                    const repos::Repository& repository, const repos::StoredManifest& image,
                    const Occasion& occasion);
  // Asks again about every image that an adapter was asked about: it has newer data, of which
  // nobody tells us. An adapter that cannot be reached is left alone until the next time, and
  // earlier reports stay.
  Result<void> scan_all(jobs::Run& run);
  // What an adapter says of itself, now. kAdapterFailed.
  Result<AdapterMetadata> ask(const Registration& registration);

  static constexpr std::chrono::seconds kAskAtMost{15};
  // Between two questions for a report, whatever the adapter says.
  static constexpr std::chrono::milliseconds kPollAtLeast{500};
  static constexpr std::chrono::seconds kPollAtMost{60};

 private:
  struct Order;
  Result<void> scan_again(jobs::Run& run, const AdapterScans::Known& known,
                          const Registration& registration);
  Result<Order> order_of(const Registration& registration, const repos::Repository& repository,
                         const repos::StoredManifest& image, const Occasion& occasion);
  Result<AdapterScans::Outcome> attempt(jobs::Run& run, const Order& order,
                                        std::string_view attempt);
  Result<AdapterScans::Outcome> attempt_twice(jobs::Run& run, const Order& order,
                                              std::string_view attempt);
  Result<AdapterClient> client(const Registration& registration,
                               std::chrono::steady_clock::time_point deadline,
                               AdapterClient::Stop should_stop);
  [[nodiscard]] std::string authorization(const Order& order, std::string_view attempt,
                                          const std::string& registry_url) const;

  const AdapterScannerParts parts_;
};

}  // namespace holdfast::scanner
