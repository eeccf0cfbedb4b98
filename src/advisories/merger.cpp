#include "advisories/merger.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <utility>

namespace holdfast::advisories {

namespace {

constexpr std::size_t kUrlsShown = 5;

bool is_cve(std::string_view name) { return name.starts_with("CVE-"); }

// The page of a name for people.
std::string page_of(std::string_view name) {
  return is_cve(name) ? fmt::format("https://nvd.nist.gov/vuln/detail/{}", name)
                      : fmt::format("https://osv.dev/vulnerability/{}", name);
}

}  // namespace

void Merger::add(const Hit& hit) {
  if (hit.record.mends.empty()) {
    std::vector<std::string> names = hit.record.aliases;
    names.push_back(hit.record.name);
    add(hit, names, true);
    return;
  }
  for (const std::string& mended : hit.record.mends) {
    // What the update says of all together is a rating of each only when there is one.
    add(hit, {mended}, hit.record.mends.size() == 1);
  }
}

void Merger::add(const Hit& hit, const std::vector<std::string>& names, bool is_its_own) {
  Group group{.names = {names.begin(), names.end()},
              .summary = hit.record.summary,
              .fixed_version = hit.fixed_version,
              .vector = is_its_own ? hit.record.vector : "",
              .urls = hit.record.urls,
              .same_as = groups_.size()};
  (is_its_own ? group.rating : group.shared_rating) = hit.record.rating;
  if (!hit.record.mends.empty()) {
    group.others = {hit.record.aliases.begin(), hit.record.aliases.end()};
    group.others.insert(hit.record.name);
    group.others.erase(names.front());
  }
  groups_.push_back(std::move(group));
  for (const std::string& name : names) {
    const std::size_t known =
        first_of(by_name_.try_emplace(name, groups_.size() - 1).first->second);
    const std::size_t own = first_of(groups_.size() - 1);
    groups_[std::max(known, own)].same_as = std::min(known, own);
  }
}

std::size_t Merger::first_of(std::size_t group) {
  while (groups_[group].same_as != group) {
    groups_[group].same_as = groups_[groups_[group].same_as].same_as;
    group = groups_[group].same_as;
  }
  return group;
}

// What was said first goes first, but for the fix: only the highest mends all.
void Merger::absorb(Group& into, Group&& from) const {
  into.names.merge(from.names);
  into.others.merge(from.others);
  if (into.summary.empty()) into.summary = std::move(from.summary);
  if (!into.rating) into.rating = from.rating;
  if (!into.shared_rating) into.shared_rating = from.shared_rating;
  if (into.vector.empty()) into.vector = std::move(from.vector);
  if (!from.fixed_version.empty() &&
      (into.fixed_version.empty() ||
       versions::compare(scheme_, into.fixed_version, from.fixed_version) < 0)) {
    into.fixed_version = std::move(from.fixed_version);
  }
  if (into.urls.size() >= kUrlsShown) return;
  std::ranges::move(from.urls, std::back_inserter(into.urls));
}

Result<std::vector<Match>> Merger::take(Connection& connection) {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::size_t first = first_of(i);
    if (first != i) absorb(groups_[first], std::move(groups_[i]));
  }
  std::vector<Match> matches;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].same_as != i) continue;
    HF_TRY(Match match, made(groups_[i], connection));
    matches.push_back(std::move(match));
  }
  return matches;
}

Result<Match> Merger::made(const Group& group, Connection& connection) {
  Match match{.summary = group.summary,
              .fixed_version = group.fixed_version,
              .severity = group.rating,
              .vector = group.vector};
  const auto cve = std::ranges::find_if(group.names, is_cve);
  match.id = cve == group.names.end() ? *group.names.begin() : *cve;
  match.ids = {match.id};
  for (const auto* names : {&group.names, &group.others}) {
    std::ranges::copy_if(*names, std::back_inserter(match.ids),
                         [&](const std::string& name) { return name != match.id; });
  }
  std::optional<cvss::Severity> from_others;
  for (const std::string& name : group.names) {
    if (!is_cve(name)) continue;
    HF_TRY(const Rating rating, connection.rating(name));
    match.is_exploited = match.is_exploited || rating.is_exploited;
    if (match.vector.empty()) match.vector = rating.vector;
    if (!from_others) from_others = rating.rating;
  }
  match.score = cvss::score(match.vector);
  if (!match.severity && match.score) match.severity = cvss::severity(match.score->tenths);
  if (!match.severity) match.severity = from_others;
  if (!match.severity) match.severity = group.shared_rating;
  match.urls.push_back(page_of(match.id));
  for (const std::string& url : group.urls) {
    const bool is_new = std::ranges::find(match.urls, url) == match.urls.end();
    if (is_new && match.urls.size() < kUrlsShown) match.urls.push_back(url);
  }
  return match;
}

}  // namespace holdfast::advisories
