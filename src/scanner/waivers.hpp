// Findings that somebody looked at and hides: which, why, until when. Nothing is removed by one; it
// counts apart.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/fill_cache.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "scanner/reports.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kWaiverUnknown = "waiver_unknown";     // not_found
inline constexpr std::string_view kWaiverInvalid = "waiver_invalid";     // invalid
inline constexpr std::string_view kTooManyWaivers = "too_many_waivers";  // conflict

inline constexpr std::size_t kWaiversAtMost = 10'000;
inline constexpr std::size_t kNotesBytes = 4096;

struct Waiver {
  std::string uuid{};
  std::string layer{};             // digest of the layer that brings the component; "": any
  std::int64_t repository_id = 0;  // 0: in all
  std::string vulnerability{};     // any of its names
  std::string component{};
  std::string version{};
  std::string notes{};   // why
  std::string author{};  // name of an account
  Timestamp created_at{};
  std::optional<Timestamp> expires_at{};
};

// All of them as they are now.
class WaiverSet {
 public:
  explicit WaiverSet(std::vector<Waiver> waivers) : waivers_(std::move(waivers)) {}
  [[nodiscard]] bool is_empty() const { return waivers_.empty(); }
  [[nodiscard]] const std::vector<Waiver>& all() const { return waivers_; }
  // The first that hides a finding of an image in a repository; null: none does.
  [[nodiscard]] const Waiver* find(std::int64_t repository_id, const ImageReport& report,
                                   const Component& component, const advisories::Match& match,
                                   Timestamp now) const;
  // What is left of the counts of an image in a repository.
  [[nodiscard]] Counts left(std::int64_t repository_id, const ImageReport& report,
                            Timestamp now) const;

 private:
  std::vector<Waiver> waivers_;
};

// Threads: any; calls block.
class Waivers {
 public:
  Waivers(db::Database& database, const Clock& clock, Random& random);

  Result<std::shared_ptr<const WaiverSet>> load();
  // kWaiverInvalid: a text that is empty or too long; kTooManyWaivers. One event.
  Result<Waiver> add(Waiver waiver, const events::Actor& actor);
  // kWaiverUnknown. One event.
  Result<void> remove(std::string_view uuid, const events::Actor& actor);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
  FillCache<std::shared_ptr<const WaiverSet>> cache_{1};
  std::shared_ptr<void> subscription_;
};

}  // namespace holdfast::scanner
