// Scans images: the work of jobs.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "jobs/run.hpp"
#include "repos/content.hpp"
#include "repos/images.hpp"
#include "repos/repositories.hpp"
#include "scanner/adapter_scanner.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/attachments.hpp"
#include "scanner/layers.hpp"
#include "scanner/reports.hpp"
#include "scanner/scans.hpp"
#include "settings/store.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kScanParametersInvalid = "scan_parameters_invalid";  // invalid

// The kinds of jobs that these are the work of, by DTR's names.
inline constexpr std::string_view kScanAction = "scan_check";          // one image
inline constexpr std::string_view kCheckAllAction = "scan_check_all";  // all, by newer advisories
// What a job for one image is made with.
boost::json::object job_parameters(const oci::Digest& digest, const Occasion& occasion);

// Whether packages can be looked for in it: an image with the config of one, no artifact and no
// attestation.
bool is_scannable(const oci::Manifest& manifest);

struct ScannerParts {
  repos::Repositories& repositories;
  repos::Content& content;
  repos::Images& images;
  blob::Store& blobs;
  settings::Store& settings;
  worker::Launcher& launcher;
  Layers& layers;
  Scans& scans;
  Reports& reports;
  AdvisoryStore& advisories;
  Registrations& registrations;
  AdapterScanner& adapter;
  Attachments& attachments;
};

// Threads: any; all calls block.
class Scanner {
 public:
  explicit Scanner(const ScannerParts& parts) : parts_(parts) {}

  // One image: reads the layers that are not known, and the lists beside it, puts it together,
  // counts. A layer that cannot
  // be read makes the scan a failed one (with an event) and the job too; what passes by itself (a
  // database that is away) only the job, which is retried. Where the repository has another scanner
  // by now, that one does it.
  Result<void> scan(jobs::Run& run);
  // Counts every image anew that was counted by other advisories than those in force.
  Result<void> check_all(jobs::Run& run);

 private:
  struct Order;  // one image to be scanned
  Result<void> scan(jobs::Run& run, const Order& order);
  Result<StoredLayer> layer(jobs::Run& run, const Order& order, const oci::Descriptor& descriptor);
  enum class Form { archive, list };  // a list is given to the worker as the one file of an archive
  Result<packages::Layer> read(jobs::Run& run, const Order& order, const oci::Digest& digest,
                               Form form);
  Result<void> read_attached(jobs::Run& run, const Order& order);
  Result<void> check_again(const oci::Digest& digest);
  Result<std::optional<Check>> check(const oci::Digest& digest, const Image& image);

  const ScannerParts parts_;
};

}  // namespace holdfast::scanner
