// The scanner's parts, wired.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "oci/digest.hpp"
#include "pruning/rules.hpp"
#include "scanner/adapter_scanner.hpp"
#include "scanner/adapter_scans.hpp"
#include "scanner/advisory_store.hpp"
#include "scanner/attachments.hpp"
#include "scanner/layers.hpp"
#include "scanner/lookup.hpp"
#include "scanner/registrations.hpp"
#include "scanner/reports.hpp"
#include "scanner/results.hpp"
#include "scanner/scanner.hpp"
#include "scanner/scans.hpp"
#include "scanner/trigger.hpp"
#include "scanner/updates.hpp"
#include "scanner/waivers.hpp"
#include "scanner/worker_state.hpp"
#include "worker/launcher.hpp"

namespace holdfast {

class Core;

// Constructed in the order of the members, ended in reverse. The core outlives it.
struct Scanning {
  // `folder` is for copies of the advisories; `sealer` for credentials of scanners of others, which
  // reach this registry under `external_url`.
  Scanning(Core& core, const std::string& folder, const crypto::Sealer& sealer,
           const std::string& external_url, scanner::Fetching fetching);

  worker::Launcher launcher;
  scanner::WorkerState worker_state;  // found out by serve() before anything else begins
  scanner::Layers layers;
  scanner::Scans scans;
  scanner::AdvisoryStore advisories;
  feeds::States feed_states;
  scanner::Reports reports;
  scanner::Attachments attachments;
  scanner::Lookup lookup;
  scanner::Waivers waivers;
  scanner::Registrations registrations;
  scanner::AdapterScans adapter_scans;
  scanner::Results results;
  scanner::AdapterScanner adapter;
  scanner::Scanner scanner;
  scanner::Updates updates;
  scanner::Trigger trigger;
  // Whether the advisories in force may be others than those that are open.
  std::atomic<bool> has_news{true};
  std::shared_ptr<void> subscription;
};

// What a scan found in an image of a repository, overrides apart; of an index, in all its platforms
// together. Nothing when one of them has no result.
Result<std::optional<pruning::ScanFacts>> scan_facts(Core& core, std::int64_t repository_id,
                                                     const oci::Digest& digest);

// Opens other advisories once they are in force; called every second.
void refresh_advisories(Scanning& scanning);

// The program that opens what strangers made: beside this one.
std::string scan_worker_path();

}  // namespace holdfast
