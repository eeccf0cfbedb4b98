#include "scan/findings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <map>
#include <tuple>

#include "packages/purl.hpp"

namespace holdfast::scan {

namespace json = boost::json;

namespace {

using scanner::Component;

// Worst first; what nobody rated stands behind what somebody did.
int rank(const Finding& finding) {
  return finding.match->severity ? -static_cast<int>(*finding.match->severity) : 1;
}

json::array texts(const std::vector<std::string>& list) {
  json::array array;
  for (const std::string& text : list) array.emplace_back(text);
  return array;
}

std::string release_of(const Scanned& scanned) {
  return scanned.report.release ? scanned.report.release->pretty_name : "";
}

std::size_t present(const Scanned& scanned) {
  return static_cast<std::size_t>(std::ranges::count_if(
      scanned.report.components, [](const Component& component) { return component.is_present; }));
}

json::object counts_of(const std::vector<Finding>& findings) {
  scanner::Counts counts;
  for (const Finding& finding : findings) scanner::count(*finding.match, counts);
  return {{"critical", counts.critical},  {"high", counts.high},
          {"medium", counts.medium},      {"low", counts.low},
          {"unknown", counts.unknown},    {"fixable", counts.fixable},
          {"exploited", counts.exploited}};
}

std::string plural(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string head(const Scanned& scanned) {
  const std::string release = release_of(scanned);
  std::string text = client::harmless(scanned.target) + "\n";
  if (!release.empty()) text += client::harmless(release) + ", ";
  if (!scanned.os.empty()) {
    text += client::harmless(fmt::format("{}/{}, ", scanned.os, scanned.architecture));
  }
  text += fmt::format("{} in {}", plural(present(scanned), "package"),
                      plural(scanned.report.layers.size(), "layer"));
  if (scanned.advisories) {
    text += fmt::format("; {} advisories, the newest of {}", scanned.advisories->records,
                        rfc3339(scanned.advisories->newest_at).substr(0, 10));
  }
  return text + "\n";
}

std::string feet(const Scanned& scanned, const std::vector<Finding>& findings) {
  std::string text;
  const json::object counts = counts_of(findings);
  if (scanned.advisories) {
    for (const std::string_view severity : {"critical", "high", "medium", "low", "unknown"}) {
      text += fmt::format("{:<8}  {:>5}\n", severity, counts.at(severity).as_int64());
    }
    text += fmt::format(
        "{} in all; {} can be mended by another version, {} used by attackers "
        "(KEV)\n",
        plural(findings.size(), "finding"), counts.at("fixable").as_int64(),
        counts.at("exploited").as_int64());
    if (scanned.report.not_covered > 0) {
      text += fmt::format("NOT COVERED: the advisories know nothing of {}: unknown, not clean\n",
                          plural(static_cast<std::size_t>(scanned.report.not_covered), "package"));
    }
  } else {
    text +=
        "NOT COVERED: there are no advisories, nothing was looked up: unknown, not clean.\n"
        "Give some by --advisories or HOLDFAST_ADVISORIES.\n";
  }
  for (const std::string& remark : scanned.remarks) {
    text += fmt::format("NOT READ: {}\n", client::harmless(remark));
  }
  return text;
}

json::object finding_json(const Scanned& scanned, const Finding& finding) {
  const packages::Package& package = finding.component->package;
  const advisories::Match& match = *finding.match;
  const auto* release = scanned.report.release ? &*scanned.report.release : nullptr;
  json::object object{{"id", match.id},
                      {"ids", texts(match.ids)},
                      {"severity", scanner::severity_word(match)},
                      {"component", package.name},
                      {"version", package.version},
                      {"type", packages::name(package.type)},
                      {"purl", packages::purl(package, release)},
                      {"fixedVersion", match.fixed_version},
                      {"exploited", match.is_exploited},
                      {"inexact", match.is_inexact},
                      {"vector", match.vector},
                      {"layer", scanned.report.layers[finding.component->layer].digest.text()},
                      {"paths", texts(finding.component->paths)},
                      {"summary", match.summary},
                      {"urls", texts(match.urls)}};
  if (match.score) object["score"] = match.score->tenths / 10.0;
  return object;
}

json::object row_of(const Scanned& scanned, const Finding& finding) {
  const advisories::Match& match = *finding.match;
  return {{"severity", scanner::severity_word(match)},
          {"component", finding.component->package.name},
          {"version", finding.component->package.version},
          {"fixed", match.fixed_version.empty() ? "-" : match.fixed_version},
          {"id", match.id},
          {"kev", match.is_exploited ? "KEV" : ""},
          {"layer", scanned.report.layers[finding.component->layer].digest.text()}};
}

json::object package_row(const Component& component) {
  return {{"component", component.package.name},
          {"version", component.package.version},
          {"type", packages::name(component.package.type)},
          {"coverage", component.is_present ? "not covered" : "removed"}};
}

}  // namespace

Result<Threshold> parse_threshold(std::string_view text) {
  constexpr std::string_view kNames[] = {"unknown", "low", "medium", "high", "critical"};
  const auto* const found = std::ranges::find(kNames, text);
  if (found != std::end(kNames)) return static_cast<Threshold>(found - std::begin(kNames));
  return fail(ErrorCode::invalid, kThresholdInvalid,
              fmt::format("--fail-on is critical, high, medium, low or unknown, not \"{}\"", text));
}

std::vector<Finding> findings_of(const scanner::ImageReport& report, Only only) {
  std::vector<Finding> findings;
  for (const Component& component : report.components) {
    for (const advisories::Match& match : component.matches()) {
      if (only == Only::fixed && match.fixed_version.empty()) continue;
      findings.push_back({.component = &component, .match = &match});
    }
  }
  std::ranges::sort(findings, {}, [](const Finding& finding) {
    return std::tuple(rank(finding), finding.match->is_exploited ? 0 : 1,
                      std::string_view(finding.component->package.name),
                      std::string_view(finding.match->id), finding.component);
  });
  return findings;
}

std::size_t at_or_above(const std::vector<Finding>& findings, Threshold threshold) {
  return static_cast<std::size_t>(std::ranges::count_if(findings, [&](const Finding& finding) {
    if (threshold == Threshold::unknown) return true;
    const auto& severity = finding.match->severity;
    // A score of 0 counts as low, here as everywhere.
    if (threshold == Threshold::low) return severity.has_value();
    return severity && static_cast<int>(*severity) >= static_cast<int>(threshold);
  }));
}

std::string as_table(const Scanned& scanned, const std::vector<Finding>& findings,
                     const client::Look& look) {
  std::string text = head(scanned) + "\n";
  json::array rows;
  if (scanned.advisories) {
    for (const Finding& finding : findings) rows.push_back(row_of(scanned, finding));
    if (!rows.empty()) {
      text += client::table(rows,
                            {{"SEVERITY", "severity"},
                             {"COMPONENT", "component"},
                             {"VERSION", "version"},
                             {"FIXED IN", "fixed"},
                             {"ID", "id"},
                             {"KEV", "kev"},
                             {"LAYER", "layer", client::Form::digest}},
                            Timestamp(), look);
    }
  } else {
    for (const Component& component : scanned.report.components) {
      rows.push_back(package_row(component));
    }
    if (!rows.empty()) {
      text += client::table(rows,
                            {{"COMPONENT", "component"},
                             {"VERSION", "version"},
                             {"TYPE", "type"},
                             {"COVERAGE", "coverage"}},
                            Timestamp(), look);
    }
  }
  return text + (rows.empty() ? "" : "\n") + feet(scanned, findings);
}

std::string as_json(const Scanned& scanned, const std::vector<Finding>& findings) {
  const scanner::ImageReport& report = scanned.report;
  const auto* release = report.release ? &*report.release : nullptr;
  json::object object{
      {"target", scanned.target},
      {"digest", report.digest.text()},
      {"os", scanned.os},
      {"architecture", scanned.architecture},
      {"release", release_of(scanned)},
      {"advisories", nullptr},
      {"counts", counts_of(findings)},
      {"notCovered",
       scanned.advisories ? static_cast<std::size_t>(report.not_covered) : present(scanned)},
      {"remarks", texts(scanned.remarks)}};
  if (scanned.advisories) {
    object["advisories"] = json::object{{"version", scanned.advisories->version},
                                        {"records", scanned.advisories->records},
                                        {"builtAt", rfc3339(scanned.advisories->built_at)},
                                        {"newestAt", rfc3339(scanned.advisories->newest_at)}};
  }
  json::array layers;
  for (const scanner::LayerReport& layer : report.layers) layers.emplace_back(layer.digest.text());
  object["layers"] = std::move(layers);
  json::array list;
  for (const Finding& finding : findings) list.push_back(finding_json(scanned, finding));
  object["findings"] = std::move(list);
  json::array packages;
  for (const Component& component : report.components) {
    packages.push_back(json::object{{"name", component.package.name},
                                    {"version", component.package.version},
                                    {"type", packages::name(component.package.type)},
                                    {"purl", packages::purl(component.package, release)},
                                    {"licenses", texts(component.package.licenses)},
                                    {"coverage", scanner::coverage_word(component)},
                                    {"layer", report.layers[component.layer].digest.text()},
                                    {"paths", texts(component.paths)}});
  }
  object["packages"] = std::move(packages);
  return client::json_text(object) + "\n";
}

}  // namespace holdfast::scan
