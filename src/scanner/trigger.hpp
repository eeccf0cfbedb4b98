// Scan on push: makes jobs of what the outbox says, and of what people ask for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "jobs/queue.hpp"
#include "repos/content.hpp"
#include "repos/repositories.hpp"
#include "scanner/attachments.hpp"
#include "scanner/registrations.hpp"
#include "scanner/results.hpp"
#include "scanner/scans.hpp"
#include "settings/store.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kNothingToScan = "nothing_to_scan";  // unsupported
inline constexpr std::string_view kScanningOff = "scanning_off";       // invalid: by the settings

// Threads: any. Calls block. Of all replicas one reads the outbox; another takes over when it is
// not heard of for kLease.
class Trigger {
 public:
  Trigger(db::Database& database, repos::Repositories& repositories, repos::Content& content,
          settings::Store& settings, jobs::Queue& queue, Registrations& registrations,
          Results& results, Attachments& attachments, const Clock& clock, std::string replica);
  ~Trigger();  // as stop()

  void start();
  void stop();
  // Without start(): what is pushed from now on is looked at by whoever starts later.
  Result<void> leave_to_others();

  // Reads what is new. For tests and the thread.
  Result<void> poll();

  enum class Known {
    leave,  // an image that was scanned already stays as it is
    again,  // it is put together and counted once more; layers that are known are not read
  };
  // Asks for a scan of an image, of every platform of an index, or of the image that a list of
  // packages was attached to and not read yet. How many were asked for.
  // unsupported/kNothingToScan for artifacts; repos::kManifestUnknown.
  Result<std::int64_t> request(const repos::Repository& repository, const oci::Digest& digest,
                               std::string_view tag, Known known);

  static constexpr std::chrono::seconds kLease{15};
  static constexpr std::chrono::milliseconds kEvery{100};

 private:
  Result<bool> hold();
  Result<void> start_reading();
  Result<bool> step();
  Result<void> look_at(const events::Event& event, std::string_view tag);
  struct Wish;  // for which repository and tag
  Result<std::int64_t> request_subject(const Wish& wish, const oci::Digest& subject);
  Result<bool> request_image(const Wish& wish, const oci::Digest& digest, Known known);
  void loop();

  db::Database& database_;
  repos::Repositories& repositories_;
  repos::Content& content_;
  settings::Store& settings_;
  jobs::Queue& queue_;
  Registrations& registrations_;
  Results& results_;
  Attachments& attachments_;
  const Clock& clock_;
  const std::string replica_;

  // For the one who polls.
  std::mutex polling_;
  Timestamp held_until_{};
  bool is_reading_ = false;      // what follows is set
  std::int64_t settled_ = 0;     // no event up to this id is still to come
  std::set<std::int64_t> seen_;  // of those behind it

  std::mutex mutex_;  // guards what follows
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace holdfast::scanner
