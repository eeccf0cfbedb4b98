// The tables of an advisory database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::advisories {

// Another one for every change that an older build would misread.
inline constexpr std::int64_t kFormat = 1;

inline constexpr std::string_view kTables = R"(
CREATE TABLE info (format INTEGER, version TEXT, built_at INTEGER, newest_at INTEGER,
  records INTEGER);
CREATE TABLE sources (name TEXT, records INTEGER, withdrawn INTEGER, rejected INTEGER);
CREATE TABLE ecosystems (family TEXT, release TEXT, PRIMARY KEY (family, release)) WITHOUT ROWID;
CREATE TABLE records (id INTEGER PRIMARY KEY, name TEXT, ids TEXT, mends TEXT, summary TEXT,
  details TEXT, rating INTEGER, vector TEXT, urls TEXT);
CREATE TABLE names (name TEXT, record INTEGER, PRIMARY KEY (name, record)) WITHOUT ROWID;
CREATE TABLE affected (package TEXT, release TEXT, record INTEGER, affected TEXT);
CREATE TABLE ratings (cve TEXT PRIMARY KEY, vector TEXT, rating INTEGER, exploited INTEGER)
  WITHOUT ROWID;
)";

inline constexpr std::string_view kIndexes = R"(
CREATE INDEX affected_package ON affected (package);
CREATE INDEX affected_record ON affected (record);
)";

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
