#include "feeds/feed.hpp"

#include <array>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace holdfast::feeds {

namespace {

constexpr std::string_view kOsv = "https://osv-vulnerabilities.storage.googleapis.com";
constexpr std::string_view kNvd = "https://nvd.nist.gov/feeds/json/cve/2.0";
constexpr std::string_view kKev =
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";

// As OSV's export names its folders: what advisories/ecosystems.cpp can say of an image.
constexpr auto kEcosystems = std::to_array<std::string_view>(
    {"AlmaLinux", "Alpine",    "Azure Linux", "Chainguard", "Debian", "Echo",
     "Go",        "Mageia",    "Maven",       "MinimOS",    "NuGet",  "PyPI",
     "Packagist", "Red Hat",   "Rocky Linux", "RubyGems",   "SUSE",   "Ubuntu",
     "Wolfi",     "crates.io", "npm",         "openSUSE"});

constexpr int kFirstYear = 2002;  // NVD's first feed has the years before, too
constexpr std::string_view kYear = "{year}";

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    out.append(text.substr(0, at)).append(by);
    text.remove_prefix(at + what.size());
  }
  return out.append(text);
}

std::vector<Feed> default_feeds() {
  std::vector<Feed> feeds;
  feeds.reserve(kEcosystems.size() + 2);
  for (const std::string_view ecosystem : kEcosystems) {
    feeds.push_back({std::string(ecosystem),
                     fmt::format("{}/{}/all.zip", kOsv, replaced(ecosystem, " ", "%20")),
                     Kind::osv});
  }
  feeds.push_back({"nvd", fmt::format("{}/nvdcve-2.0-{}.json.gz", kNvd, kYear), Kind::nvd});
  feeds.push_back({"kev", std::string(kKev), Kind::kev});
  return feeds;
}

Kind kind_of(std::string_view word) {
  for (const Kind kind : {Kind::nvd, Kind::kev, Kind::ratings}) {
    if (word == name(kind)) return kind;
  }
  return Kind::osv;
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::osv:
      return "osv";
    case Kind::nvd:
      return "nvd";
    case Kind::kev:
      return "kev";
    case Kind::ratings:
      return "ratings";
  }
  return "";
}

std::vector<Feed> all(const std::vector<settings::Feed>& given, Timestamp now) {
  std::vector<Feed> feeds;
  feeds.reserve(given.size());
  for (const settings::Feed& one : given) {
    feeds.push_back({one.name, one.url, kind_of(one.kind)});
  }
  if (given.empty()) feeds = default_feeds();
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  std::vector<Feed> every;
  for (Feed& feed : feeds) {
    if (!feed.url.contains(kYear)) {
      every.push_back(std::move(feed));
      continue;
    }
    for (int year = kFirstYear; year <= static_cast<int>(today.year()); ++year) {
      every.push_back({fmt::format("{} {}", feed.name, year),
                       replaced(feed.url, kYear, std::to_string(year)), feed.kind});
    }
  }
  return every;
}

}  // namespace holdfast::feeds
