// What is read of an advisory database, by the statements that read it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advisories/database.hpp"
#include "advisories/sqlite.hpp"
#include "base/result.hpp"
#include "cvss/score.hpp"

namespace holdfast::advisories {

// What is known of a CVE from anywhere.
struct Rating {
  std::string vector;
  std::optional<cvss::Severity> rating;
  bool is_exploited = false;
};

struct RecordRow {
  std::int64_t id = 0;
  std::string name;
  std::vector<std::string> aliases;
  std::vector<std::string> mends;
  std::string summary;
  std::string details;
  std::optional<cvss::Severity> rating;
  std::string vector;
  std::vector<std::string> urls;
};

// One connection with its statements. One thread at a time. Errors: those of sqlite.hpp, and
// corrupt/kAdvisoriesBroken for rows that are missing.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path);

  File& file() { return *file_; }

  struct AffectedRow {
    std::string release;
    std::int64_t record = 0;
    std::string affected;  // as pack() has it
  };
  // By package_key().
  Result<std::vector<AffectedRow>> affected(std::string_view package);
  Result<RecordRow> record(std::int64_t id);
  // An empty one for a CVE that nobody rated.
  Result<Rating> rating(std::string_view cve);
  // The records that have the name.
  Result<std::vector<std::int64_t>> named(std::string_view name);
  // Adds the packages of a record, up to a bound.
  Result<void> packages(std::int64_t record, Advisory& into);

 private:
  std::unique_ptr<File> file_;
  Statement affected_;
  Statement record_;
  Statement rating_;
  Statement named_;
  Statement packages_;
};

}  // namespace holdfast::advisories
