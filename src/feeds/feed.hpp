// The feeds that advisories are fetched from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "settings/values.hpp"

namespace holdfast::feeds {

// What a feed has: nothing else is taken from it.
enum class Kind : std::uint8_t {
  osv,      // an archive of OSV records; the feed's name is their source
  nvd,      // a catalogue of CVEs by NVD
  kev,      // CISA's list of exploited vulnerabilities
  ratings,  // a table of ratings
};
std::string_view name(Kind kind);

struct Feed {
  std::string name{};
  std::string url{};
  Kind kind = Kind::osv;
};

// Those of the settings, or without any the default ones: OSV's export for each ecosystem that
// images are compared by, NVD by years, and CISA's list. Where a URL says {year}, one for each year
// from 2002 to that of `now`, named after it: "nvd 2024".
std::vector<Feed> all(const std::vector<settings::Feed>& given, Timestamp now);

}  // namespace holdfast::feeds
