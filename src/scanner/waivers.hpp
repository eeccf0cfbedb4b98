// Findings that somebody looked at and hides: which, why, until when. Nothing is removed by one; it
// counts apart.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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

inline constexpr std::size_t kWaiversAtMost = 10'000;  // of a repository, and of all of them
inline constexpr std::size_t kNotesBytes = 4096;

struct Waiver {
  std::string uuid{};
  std::string layer{};             // digest of the layer that brings the component; "": any
  std::string image{};             // digest of the image; "": any
  std::int64_t repository_id = 0;  // 0: in all
  std::string vulnerability{};     // any of its names
  std::string type{};              // packages::name(); "": any
  std::string distribution{};      // "debian", "debian-12"; "": any
  std::string architecture{};      // "": any
  std::string component{};         // "": whatever the image has
  std::string version{};           // "": any
  std::string notes{};             // why
  std::string document{};          // the id of the VEX document that says so; "": none does
  std::string author{};            // name of an account
  Timestamp created_at{};
  std::optional<Timestamp> expires_at{};
};

// Where some hold: in one repository, or in all.
struct WaiverScope {
  std::int64_t repository_id = 0;
  std::string repository{};  // its full name, for the events
};

// Those of one place as they are now.
class WaiverSet {
 public:
  explicit WaiverSet(std::vector<Waiver> waivers);
  WaiverSet(const WaiverSet&) = delete;
  WaiverSet& operator=(const WaiverSet&) = delete;
  [[nodiscard]] bool is_empty() const { return waivers_.empty(); }
  [[nodiscard]] const std::vector<Waiver>& all() const { return waivers_; }
  // One that hides a finding of an image; null: none does.
  [[nodiscard]] const Waiver* find(const ImageReport& report, const Component& component,
                                   const advisories::Match& match, Timestamp now) const;
  // What is left of the counts of an image.
  [[nodiscard]] Counts left(const ImageReport& report, Timestamp now) const;

 private:
  const std::vector<Waiver> waivers_;
  std::unordered_map<std::string_view, std::vector<const Waiver*>> by_vulnerability_;
};

// Threads: any; calls block.
class Waivers {
 public:
  Waivers(db::Database& database, const Clock& clock, Random& random);

  // Those that hold in a repository; of 0, those that hold in all.
  Result<std::shared_ptr<const WaiverSet>> load(std::int64_t repository_id);
  // kWaiverInvalid: a text that is too long, no vulnerability, or neither a component nor an image;
  // kTooManyWaivers. One event.
  Result<Waiver> add(const WaiverScope& scope, Waiver waiver, const events::Actor& actor);
  // Takes the place of what the document said there before; an empty list takes it away. As add();
  // one event.
  Result<void> replace(const WaiverScope& scope, std::string_view document,
                       std::vector<Waiver> waivers, const events::Actor& actor);
  // kWaiverUnknown: not in this scope. One event.
  Result<void> remove(const WaiverScope& scope, std::string_view uuid, const events::Actor& actor);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
  FillCache<std::shared_ptr<const WaiverSet>> cache_{100'000};  // by waivers
  std::shared_ptr<void> subscription_;
};

}  // namespace holdfast::scanner
