// One imported set of advisories, open for reading: which of them concern a package.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cvss/score.hpp"
#include "packages/package.hpp"

namespace holdfast::advisories {

inline constexpr std::string_view kAdvisoriesBroken = "advisories_broken";  // corrupt

// One vulnerability of one package: all records of the database that say so, merged by their
// aliases.
struct Match {
  std::string id{};                // what it is called: the CVE where there is one
  std::vector<std::string> ids{};  // all names, `id` first: "CVE-2023-1", "GHSA-…", "DSA-1-1"
  std::string summary{};           // a line
  std::string fixed_version{};     // the lowest that mends it in the package's own line; "" none
  // As the source that owns the package rates it, else by its vector; nothing: unknown.
  std::optional<cvss::Severity> severity{};
  std::optional<cvss::Score> score{};  // of `vector`
  std::string vector{};                // CVSS 3 where there is one, else 4, else 2
  bool is_exploited = false;           // in CISA's list (KEV)
  std::vector<std::string> urls{};     // a few: the record's own page first
  // The version is not known, so whatever concerns any version of the package concerns it.
  bool is_inexact = false;
};

// What of the package's world the database knows.
enum class Coverage {
  covered,
  not_covered,  // no data for its distribution, release or ecosystem: never "clean"
  owned,        // a language's package that the distribution mends: not looked for
};

struct Answer {
  Coverage coverage = Coverage::covered;
  std::vector<Match> matches{};  // by severity, worst first, then by id
};

// Where records came from.
struct Source {
  std::string name{};  // "Debian", "PyPI": the archive
  std::int64_t records = 0;
  std::int64_t withdrawn = 0;  // of them
  std::int64_t rejected = 0;   // that could not be read
};

struct Info {
  std::string version{};  // names the content: changes with every import
  Timestamp built_at{};
  Timestamp newest_at{};  // the latest `modified` of any record that is not in the future
  std::int64_t records = 0;
  std::int64_t rated = 0;      // CVEs that anybody rated
  std::int64_t exploited = 0;  // CVEs that attackers are known to use
  std::vector<Source> sources{};
};

// One advisory, for people.
struct Advisory {
  Match match{};
  std::string details{};
  struct Affected {
    std::string ecosystem{};  // "Debian:12"
    std::string name{};
    std::string fixed_version{};
  };
  std::vector<Affected> affected{};
};

// Threads: any, several at once. Calls block on a local file that is never written again.
class Database {
 public:
  virtual ~Database() = default;

  // corrupt/kAdvisoriesBroken for a file that no import of this format made.
  static Result<std::shared_ptr<Database>> open(const std::string& path);

  [[nodiscard]] virtual const Info& info() const = 0;

  // What concerns an installed package; never null, and the same object for packages of one source,
  // of which an image may have thousands. `release` is the image's; null: none is known.
  virtual Result<std::shared_ptr<const Answer>> match(const packages::Package& package,
                                                      const packages::Release* release) = 0;

  // Everything that is merged under a name ("CVE-2023-1", "GHSA-…"); nothing: unknown.
  virtual Result<std::optional<Advisory>> find(std::string_view id) = 0;
};

}  // namespace holdfast::advisories
