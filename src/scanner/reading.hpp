// Gives what is in an archive of advisories to an import. What each member is, its bytes say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "advisories/import.hpp"
#include "base/result.hpp"
#include "feeds/feed.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kAdvisoriesUnknown = "advisories_unknown";  // invalid

struct ReadingParts {
  worker::Launcher& launcher;
  advisories::Import& import;
  std::function<bool()> stop;                      // asked often
  std::function<void(std::int64_t records)> told;  // now and then: how many were read
};

// One thread. Errors: those of the worker and of the import; nothing of what was added before is
// taken back here.
class Reading {
 public:
  explicit Reading(ReadingParts parts) : parts_(std::move(parts)) {}

  // An archive, an archive of archives, or one file. `name` is the source of records whose folder
  // says none; "": each record's ecosystem.
  Result<void> upload(const worker::Source& source, std::string_view name);
  // What a feed gave: its records are of the source of its name, and all else but what it is for is
  // refused (kAdvisoriesUnknown).
  Result<void> feed(const worker::Source& source, const feeds::Feed& feed);

 private:
  class Members;
  Result<void> archive(const worker::Source& source, std::string_view name, int depth);

  ReadingParts parts_;
  std::optional<feeds::Kind> only_;
  std::int64_t records_ = 0;
};

}  // namespace holdfast::scanner
