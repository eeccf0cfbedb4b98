// SARIF 2.1.0: a rule for each vulnerability, a result for each package that has it.
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <map>
#include <string>

#include "client/parse.hpp"
#include "scan/findings.hpp"

namespace holdfast::scan {

namespace json = boost::json;

namespace {

std::string_view level_of(const advisories::Match& match) {
  if (!match.severity) return "warning";
  switch (*match.severity) {
    case cvss::Severity::critical:
    case cvss::Severity::high:
      return "error";
    case cvss::Severity::medium:
      return "warning";
    case cvss::Severity::low:
    case cvss::Severity::none:
      return "note";
  }
  return "warning";
}

// What viewers sort by: the score, or the middle of what its word stands for.
std::string security_severity(const advisories::Match& match) {
  if (match.score) {
    return fmt::format("{}.{}", match.score->tenths / 10, match.score->tenths % 10);
  }
  if (!match.severity) return {};
  switch (*match.severity) {
    case cvss::Severity::critical:
      return "9.5";
    case cvss::Severity::high:
      return "8.0";
    case cvss::Severity::medium:
      return "5.5";
    case cvss::Severity::low:
      return "2.0";
    case cvss::Severity::none:
      return "0.0";
  }
  return {};
}

std::string help_uri(const advisories::Match& match) {
  const std::string name = client::percent_encoded(match.id);
  if (match.id.starts_with("CVE-")) return "https://nvd.nist.gov/vuln/detail/" + name;
  if (match.id.starts_with("GHSA-")) return "https://github.com/advisories/" + name;
  return "https://osv.dev/vulnerability/" + name;
}

json::object message(std::string text) { return {{"text", std::move(text)}}; }

json::object rule_of(const advisories::Match& match) {
  json::array tags{"security", "vulnerability"};
  if (match.is_exploited) tags.emplace_back("known-exploited");
  json::object properties{{"tags", std::move(tags)}};
  if (const std::string score = security_severity(match); !score.empty()) {
    properties["security-severity"] = score;
  }
  const std::string summary = match.summary.empty() ? match.id : match.summary;
  return {{"id", match.id},
          {"shortDescription", message(summary)},
          {"helpUri", help_uri(match)},
          {"help", message(fmt::format("{}\n{}", summary, help_uri(match)))},
          {"defaultConfiguration", json::object{{"level", level_of(match)}}},
          {"properties", std::move(properties)}};
}

json::object result_of(const Scanned& scanned, const Finding& finding, std::size_t rule) {
  const packages::Package& package = finding.component->package;
  const advisories::Match& match = *finding.match;
  const std::string& layer = scanned.report.layers[finding.component->layer].digest.text();
  std::string text = fmt::format("{} {}: {} ({})", package.name, package.version, match.id,
                                 match.severity ? cvss::name(*match.severity) : "unknown");
  text += match.fixed_version.empty() ? "; no version mends it"
                                      : fmt::format("; mended in {}", match.fixed_version);
  if (match.is_exploited) text += "; attackers are known to use it";
  json::array locations;
  for (const std::string& path : finding.component->paths) {
    locations.push_back(json::object{
        {"physicalLocation",
         json::object{
             {"artifactLocation",
              json::object{{"uri", client::percent_encoded(path, true)}, {"uriBaseId", "IMAGE"}}},
             {"region", json::object{{"startLine", 1}}}}},
        {"message", message(fmt::format("{} in layer {}", path, layer))}});
    // Viewers show one, and refuse results with very many.
    if (locations.size() == 10) break;
  }
  return {{"ruleId", match.id},
          {"ruleIndex", rule},
          {"level", level_of(match)},
          {"message", message(std::move(text))},
          {"locations", std::move(locations)},
          {"partialFingerprints",
           json::object{
               {"holdfast/v1", fmt::format("{}|{}|{}|{}", match.id, packages::name(package.type),
                                           package.name, package.version)}}}};
}

json::object warning(std::string text) {
  return {{"level", "warning"}, {"message", message(std::move(text))}};
}

}  // namespace

std::string as_sarif(const Scanned& scanned, const std::vector<Finding>& findings,
                     std::string_view version) {
  json::array rules;
  json::array results;
  std::map<std::string_view, std::size_t> known;
  for (const Finding& finding : findings) {
    const auto [rule, is_new] = known.try_emplace(finding.match->id, rules.size());
    if (is_new) rules.push_back(rule_of(*finding.match));
    results.push_back(result_of(scanned, finding, rule->second));
  }
  json::array notes;
  if (!scanned.advisories) {
    notes.push_back(warning("There are no advisories: nothing was looked up. Unknown, not clean."));
  } else if (scanned.report.not_covered > 0) {
    notes.push_back(
        warning(fmt::format("The advisories know nothing of {} packages: unknown, not clean.",
                            scanned.report.not_covered)));
  }
  for (const std::string& remark : scanned.remarks) {
    notes.push_back(warning("Not read: " + remark));
  }
  json::object run{
      {"tool", json::object{{"driver", json::object{{"name", "Holdfast"},
                                                    {"version", version},
                                                    {"rules", std::move(rules)}}}}},
      {"originalUriBaseIds",
       json::object{{"IMAGE", json::object{{"uri", "file:///"},
                                           {"description", message("The image's file system")}}}}},
      {"invocations", json::array{json::object{{"executionSuccessful", true},
                                               {"toolExecutionNotifications", std::move(notes)}}}},
      {"results", std::move(results)},
      {"properties",
       json::object{{"image", scanned.target}, {"digest", scanned.report.digest.text()}}}};
  const json::object log{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                         {"version", "2.1.0"},
                         {"runs", json::array{std::move(run)}}};
  return client::json_text(log) + "\n";
}

}  // namespace holdfast::scan
