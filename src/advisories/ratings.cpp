#include "advisories/ratings.hpp"

#include <utility>

namespace holdfast::advisories {

namespace {

bool is_version_3(std::string_view vector) { return vector.starts_with("CVSS:3"); }

void bind(Statement& row, int place, std::optional<cvss::Severity> rating) {
  if (rating) {
    row.bind(place, static_cast<std::int64_t>(*rating));
  } else {
    row.bind_null(place);
  }
}

std::optional<cvss::Severity> severity_in(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<cvss::Severity>(row.integer(column));
}

}  // namespace

std::string_view better_vector(std::string_view of_record, std::string_view stated) {
  if (of_record.empty()) return stated;
  return is_version_3(stated) && !is_version_3(of_record) ? stated : of_record;
}

Ratings::Entry& Ratings::at(const std::string& cve) {
  const auto found = entries_.find(cve);
  if (is_marked_) {
    before_.try_emplace(cve, found == entries_.end() ? std::nullopt : std::optional(found->second));
  }
  return found == entries_.end() ? entries_[cve] : found->second;
}

Result<void> Ratings::read_base(File& file) {
  HF_TRY(Statement row, file.prepare("SELECT cve, vector, rating, stated, stated_rating, exploited "
                                     "FROM base.ratings"));
  while (true) {
    HF_TRY(const bool more, row.step());
    if (!more) return {};
    std::string cve(row.text(0));
    if (row.integer(5) != 0) exploited_.insert(cve);
    Entry& entry = entries_[std::move(cve)];
    entry.vector = row.text(1);
    entry.rating = severity_in(row, 2);
    entry.stated = row.text(3);
    entry.stated_rating = severity_in(row, 4);
    entry.is_of_base = true;
  }
}

Result<void> Ratings::write(File& file) const {
  HF_TRY(Statement row,
         file.prepare("INSERT INTO ratings (cve, vector, rating, stated, stated_rating, exploited) "
                      "VALUES (?, ?, ?, ?, ?, ?)"));
  const auto put = [&](const std::string& cve, const Entry& entry, bool is_exploited) {
    row.bind(1, cve).bind(2, entry.vector).bind(4, entry.stated).bind(6, is_exploited ? 1 : 0);
    bind(row, 3, entry.rating);
    bind(row, 5, entry.stated_rating);
    return row.run();
  };
  for (const auto& [cve, entry] : entries_) HF_CHECK(put(cve, entry, exploited_.contains(cve)));
  for (const std::string& cve : exploited_) {
    if (!entries_.contains(cve)) HF_CHECK(put(cve, Entry{}, true));
  }
  return {};
}

void Ratings::of_record(const std::string& cve, const std::string& vector,
                        std::optional<cvss::Severity> rating) {
  Entry& entry = at(cve);
  // Of the records of one import CVSS 3 goes first, and what they say goes before the import
  // before.
  const bool is_better = entry.vector.empty() ||
                         (is_version_3(vector) && !is_version_3(entry.vector)) ||
                         (entry.is_of_base && is_version_3(vector) == is_version_3(entry.vector));
  if (!vector.empty() && is_better) entry.vector = vector;
  if (rating && (!entry.rating || entry.is_of_base)) entry.rating = rating;
  entry.is_of_base = false;
}

void Ratings::stated(const std::string& cve, const std::string& vector,
                     std::optional<cvss::Severity> rating) {
  if (vector.empty() && !rating && !entries_.contains(cve)) return;
  Entry& entry = at(cve);
  entry.stated = vector;
  entry.stated_rating = rating;
}

void Ratings::exploited(std::set<std::string> cves) { exploited_ = std::move(cves); }

void Ratings::mark() {
  is_marked_ = true;
  before_.clear();
  exploited_before_ = exploited_;
}

void Ratings::undo() {
  for (auto& [cve, entry] : before_) {
    if (entry) {
      entries_[cve] = *std::move(entry);
    } else {
      entries_.erase(cve);
    }
  }
  before_.clear();
  exploited_ = exploited_before_;
}

}  // namespace holdfast::advisories
