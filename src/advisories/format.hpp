// The tables of an advisory database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::advisories {

// Another one for every change that an older build would misread.
inline constexpr std::int64_t kFormat = 2;

inline constexpr std::string_view kTables = R"(
CREATE TABLE info (format INTEGER, version TEXT, built_at INTEGER, newest_at INTEGER,
  records INTEGER, rated INTEGER, exploited INTEGER);
CREATE TABLE sources (name TEXT, records INTEGER, withdrawn INTEGER, rejected INTEGER);
CREATE TABLE ecosystems (source TEXT, family TEXT, release TEXT,
  PRIMARY KEY (source, family, release)) WITHOUT ROWID;
CREATE TABLE records (id INTEGER PRIMARY KEY, source TEXT, name TEXT, ids TEXT, mends TEXT, summary TEXT,
  details TEXT, rating INTEGER, vector TEXT, urls TEXT);
CREATE TABLE names (name TEXT, record INTEGER, PRIMARY KEY (name, record)) WITHOUT ROWID;
CREATE TABLE affected (package TEXT, release TEXT, record INTEGER, affected TEXT);
CREATE TABLE ratings (cve TEXT PRIMARY KEY, vector TEXT, rating INTEGER, stated TEXT,
  stated_rating INTEGER, exploited INTEGER) WITHOUT ROWID;
)";

inline constexpr std::string_view kIndexes = R"(
CREATE INDEX affected_package ON affected (package);
CREATE INDEX affected_record ON affected (record);
)";

// What stays of the database before, which is attached as "base": the records of sources that are
// not in temp.replaced, behind ?1 in their numbers.
inline constexpr std::string_view kKeep[] = {
    R"(INSERT INTO records SELECT id + ?1, source, name, ids, mends, summary, details,
      rating, vector, urls FROM base.records WHERE source NOT IN (SELECT name FROM
      temp.replaced))",
    R"(INSERT OR IGNORE INTO names SELECT base.names.name, record + ?1 FROM base.names JOIN
      base.records ON base.records.id = record WHERE source NOT IN (SELECT name FROM
      temp.replaced))",
    R"(INSERT INTO affected SELECT package, release, record + ?1, affected FROM
      base.affected JOIN base.records ON base.records.id = record WHERE source NOT IN
      (SELECT name FROM temp.replaced))",
    R"(INSERT INTO ecosystems SELECT source, family, release FROM base.ecosystems WHERE
      source NOT IN (SELECT name FROM temp.replaced) AND ?1 = ?1)",
    R"(INSERT INTO sources SELECT name, records, withdrawn, rejected FROM base.sources
      WHERE name NOT IN (SELECT name FROM temp.replaced) AND ?1 = ?1)",
};

// What `affected` is found by.
inline std::string package_key(std::string_view family, std::string_view name) {
  std::string key(family);
  key += '\n';
  key += name;
  return key;
}

// Lists in a column: lines.
inline std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).push_back('\n');
  return text;
}
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace holdfast::advisories
