// What is known of CVEs from anywhere, gathered while a database is built.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "advisories/sqlite.hpp"
#include "base/result.hpp"
#include "cvss/score.hpp"

namespace holdfast::advisories {

// Of two vectors the one that is shown, either may be empty: CVSS 3 goes first, then what a record
// says itself.
std::string_view better_vector(std::string_view of_record, std::string_view stated);

// One thread. Memory grows with the number of CVEs.
class Ratings {
 public:
  // Those of a database before, which is attached as "base".
  Result<void> read_base(File& file);
  Result<void> write(File& file) const;

  // What a record of this import says of a CVE serves those that say nothing themselves.
  void of_record(const std::string& cve, const std::string& vector,
                 std::optional<cvss::Severity> rating);
  // What a table of ratings says: replaces what one said before. An empty vector: nothing any more.
  void stated(const std::string& cve, const std::string& vector,
              std::optional<cvss::Severity> rating);
  // All that are exploited, as far as is known.
  void exploited(std::set<std::string> cves);

  // From mark() on, changes are taken back by undo(), or kept by the next mark().
  void mark();
  void undo();

  [[nodiscard]] std::int64_t count() const { return std::ssize(entries_); }
  [[nodiscard]] std::int64_t exploited_count() const { return std::ssize(exploited_); }

 private:
  struct Entry {
    std::string vector;  // of records
    std::optional<cvss::Severity> rating;
    std::string stated;  // by a table
    std::optional<cvss::Severity> stated_rating;
    bool is_of_base = false;  // what is of records
  };
  Entry& at(const std::string& cve);

  std::unordered_map<std::string, Entry> entries_;
  std::set<std::string> exploited_;
  bool is_marked_ = false;
  std::unordered_map<std::string, std::optional<Entry>> before_;  // as it was at the mark
  std::set<std::string> exploited_before_;
};

}  // namespace holdfast::advisories
