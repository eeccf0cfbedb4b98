// Records that concern one package as vulnerabilities.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "advisories/connection.hpp"
#include "advisories/database.hpp"
#include "base/result.hpp"
#include "cvss/score.hpp"
#include "versions/compare.hpp"

namespace holdfast::advisories {

// A record that concerns the package, and the version that mends it.
struct Hit {
  RecordRow record;
  std::string fixed_version;
};

// Those that share a name are one; of an update that mends several each is one. Time is about
// linear in the names, however they lead to each other. One thread.
class Merger {
 public:
  explicit Merger(versions::Scheme scheme) : scheme_(scheme) {}  // of the package's versions

  void add(const Hit& hit);

  // In the order in which they were added first; ratings of CVEs are asked of the connection. Once.
  Result<std::vector<Match>> take(Connection& connection);

 private:
  struct Group {
    std::set<std::string> names{};   // of the vulnerability
    std::set<std::string> others{};  // records that mend it among others, and their other names
    std::string summary{};
    std::string fixed_version{};
    std::optional<cvss::Severity> rating{};
    std::optional<cvss::Severity> shared_rating{};  // of an update that mends several
    std::string vector{};
    std::vector<std::string> urls{};
    std::size_t same_as = 0;  // a group that was added before, or itself
  };

  void add(const Hit& hit, const std::vector<std::string>& names, bool is_its_own);
  std::size_t first_of(std::size_t group);
  void absorb(Group& into, Group&& from) const;
  static Result<Match> made(const Group& group, Connection& connection);

  versions::Scheme scheme_;
  std::vector<Group> groups_;
  std::map<std::string, std::size_t> by_name_;
};

}  // namespace holdfast::advisories
