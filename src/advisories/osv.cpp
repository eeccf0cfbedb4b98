#include "advisories/osv.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "advisories/ecosystems.hpp"
#include "codec/json.hpp"
#include "codec/text.hpp"

namespace holdfast::advisories {

namespace {

namespace json = boost::json;

constexpr std::size_t kDepth = 32;
constexpr std::size_t kNameBytes = 512;
constexpr std::size_t kVersionBytes = 256;
constexpr std::size_t kSummaryBytes = 512;
constexpr std::size_t kDetailsBytes = 4096;
constexpr std::size_t kUrls = 5;
constexpr std::size_t kUrlBytes = 1024;
constexpr std::size_t kNames = 500;
constexpr std::size_t kPackages = 20'000;
// Ranges and versions of one record together; beyond it the record is refused.
constexpr std::size_t kEventsAtMost = 200'000;

Error invalid(std::string_view why) {
  return fail(ErrorCode::invalid, kRecordInvalid, std::string(why));
}

std::vector<std::string> texts_in(const json::value& value, std::string_view name) {
  std::vector<std::string> texts;
  for (const json::value& one : codec::list_member(value, name)) {
    if (!one.is_string() || texts.size() >= kNames) continue;
    const std::string_view text = one.get_string();
    if (text.empty() || text.contains('\n')) continue;
    texts.push_back(codec::to_text(one.get_string(), kNameBytes));
  }
  return texts;
}

std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

// The best of a list of severities: CVSS 3, then 4, then 2. Ubuntu's own words are a rating.
int preference(std::string_view type) {
  return type == "CVSS_V3" ? 3 : type == "CVSS_V4" ? 2 : type == "CVSS_V2" ? 1 : 0;
}
void read_severities(const json::value& value, Record& record, int& best) {
  for (const json::value& one : codec::list_member(value, "severity")) {
    const std::string type = codec::text_member(one, "type", kNameBytes);
    const std::string score = codec::text_member(one, "score", kVersionBytes);
    if (type == "Ubuntu") record.rating = severity_of(score);
    if (preference(type) <= best || !cvss::score(score)) continue;
    best = preference(type);
    record.vector = score;
  }
}

// Scores without a vector, as RubyGems' advisories have them.
std::optional<cvss::Severity> rating_of_score(const json::value& specific) {
  for (const std::string_view name : {"cvss_v3_score", "cvss_v4_score", "cvss_v2_score"}) {
    const json::value* score = codec::member(specific, name);
    if (score == nullptr || !score->is_number()) continue;
    boost::system::error_code error;
    const auto number = score->to_number<double>(error);
    if (!error && number >= 0 && number <= 10) {
      return cvss::severity(static_cast<int>(std::lround(number * 10)));
    }
  }
  return std::nullopt;
}

void read_rating(const json::value& value, Record& record) {
  if (const json::value* specific = codec::member(value, "database_specific")) {
    if (!record.rating) {
      record.rating = severity_of(codec::string_member(*specific, "severity").value_or(""));
    }
    if (!record.rating && record.vector.empty()) record.rating = rating_of_score(*specific);
  }
  // AlmaLinux and Rocky Linux say it in the first word of the summary alone.
  if (!record.rating) {
    const std::size_t colon = record.summary.find(':');
    if (colon != std::string::npos) record.rating = severity_of(record.summary.substr(0, colon));
  }
}

// What is kept is put together with control characters between the versions.
bool is_of_version(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < ' '; });
}

struct Budget {
  std::size_t left = kEventsAtMost;
  bool take() {
    if (left == 0) return false;
    --left;
    return true;
  }
};

Result<void> read_range(const json::value& range, Affected& affected, Budget& budget) {
  const std::string_view type = codec::string_member(range, "type").value_or("");
  if (type == "GIT") return {};
  std::vector<Event> events;
  for (const json::value& one : codec::list_member(range, "events")) {
    if (!one.is_object()) return invalid("an event is no object");
    for (const auto& [name, kind] : std::array<std::pair<std::string_view, Event::Kind>, 4>{
             {{"introduced", Event::Kind::introduced},
              {"fixed", Event::Kind::fixed},
              {"last_affected", Event::Kind::last_affected},
              {"limit", Event::Kind::limit}}}) {
      const auto version = codec::string_member(one, name);
      if (!version) continue;
      if (!is_of_version(*version)) return invalid("a version has a control character");
      if (!budget.take()) return invalid("it has more events than any record needs");
      events.push_back({kind, codec::to_text(*version, kVersionBytes)});
    }
  }
  if (!events.empty()) affected.ranges.push_back(std::move(events));
  return {};
}

bool is_open(const std::vector<Event>& range) {
  return std::ranges::none_of(
      range, [](const Event& event) { return event.kind != Event::Kind::introduced; });
}

// GitHub's word for what no release mends, and later ones need not have: "<= 1.2.3".
Result<void> end_open_ranges(const json::value& value, Affected& affected) {
  const json::value* specific = codec::member(value, "database_specific");
  if (specific == nullptr) return {};
  const std::string known =
      codec::text_member(*specific, "last_known_affected_version_range", kVersionBytes);
  const std::size_t begin = known.find_first_not_of("<= ");
  if (begin == std::string::npos || !known.starts_with('<')) return {};
  const bool is_inclusive = known.starts_with("<=");
  Event end{is_inclusive ? Event::Kind::last_affected : Event::Kind::limit, known.substr(begin)};
  if (!is_of_version(end.version)) return invalid("a version has a control character");
  for (std::vector<Event>& range : affected.ranges) {
    if (is_open(range)) range.push_back(end);
  }
  return {};
}

Result<void> read_affected(const json::value& value, Record& record, Budget& budget, int& best) {
  const json::value* package = codec::member(value, "package");
  if (package == nullptr) return {};  // of a repository of sources
  read_severities(value, record, best);
  Record::Package read{.ecosystem = codec::text_member(*package, "ecosystem", kNameBytes),
                       .name = codec::text_member(*package, "name", kNameBytes)};
  if (read.ecosystem.empty() || read.name.empty())
    return invalid("an affected package has no name");
  if (!scheme_of(split_ecosystem(read.ecosystem).family)) return {};
  for (const json::value& range : codec::list_member(value, "ranges")) {
    HF_CHECK(read_range(range, read.affected, budget));
  }
  HF_CHECK(end_open_ranges(value, read.affected));
  for (const json::value& version : codec::list_member(value, "versions")) {
    if (!version.is_string()) return invalid("a version is no text");
    if (!is_of_version(version.get_string())) {
      return invalid("a version has a control character");
    }
    if (!budget.take()) return invalid("it has more versions than any record needs");
    read.affected.versions.push_back(codec::to_text(version.get_string(), kVersionBytes));
  }
  if (read.affected.ranges.empty() && read.affected.versions.empty()) return {};
  if (record.packages.size() >= kPackages) return invalid("it names more packages than there are");
  record.packages.push_back(std::move(read));
  return {};
}

// In no URL; a line break would make two of it where lists are kept as lines.
bool is_blank_or_control(unsigned char c) { return c <= ' ' || c == 0x7f; }

void read_urls(const json::value& value, Record& record) {
  const json::array& list = codec::list_member(value, "references");
  for (const bool advisories : {true, false}) {
    for (const json::value& one : list) {
      if ((codec::string_member(one, "type").value_or("") == "ADVISORY") != advisories) continue;
      std::string url = codec::text_member(one, "url", kUrlBytes);
      const bool is_link = (url.starts_with("https://") || url.starts_with("http://")) &&
                           !std::ranges::any_of(url, is_blank_or_control);
      if (is_link && record.urls.size() < kUrls) record.urls.push_back(std::move(url));
    }
  }
}

bool is_of_distribution(const Record& record) {
  return std::ranges::any_of(record.packages, [](const Record::Package& package) {
    const auto type = type_of_family(split_ecosystem(package.ecosystem).family);
    return type && packages::is_of_distribution(*type);
  });
}

// Which vulnerabilities it is about. Distributions name those that an update mends in `upstream`,
// AlmaLinux in `related`; several are several. Where there are CVEs, what else stands there (Xen's
// XSA-204) names one or several of them again and is no vulnerability more. Others say how else
// theirs is called.
void read_names(const json::value& value, Record& record) {
  record.aliases = texts_in(value, "aliases");
  if (!is_of_distribution(record)) return;
  record.mends = texts_in(value, "upstream");
  for (const std::string_view more : {"aliases", "related"}) {
    for (std::string& name : texts_in(value, more)) {
      if (name.starts_with("CVE-")) record.mends.push_back(std::move(name));
    }
  }
  std::ranges::sort(record.mends);
  const auto doubles = std::ranges::unique(record.mends);
  record.mends.erase(doubles.begin(), doubles.end());
  if (record.mends.empty()) return;
  record.aliases.clear();
  const auto is_cve = [](const std::string& name) { return name.starts_with("CVE-"); };
  if (std::ranges::none_of(record.mends, is_cve)) return;
  const auto others = std::ranges::partition(record.mends, is_cve);
  record.aliases.assign(others.begin(), others.end());
  record.mends.erase(others.begin(), others.end());
}

// Lenient where it does not matter: an object with a key twice has its last value.
json::value parsed(std::string_view text, boost::system::error_code& error) {
  json::parse_options options;
  options.max_depth = kDepth;
  std::array<unsigned char, 4096> buffer{};
  json::monotonic_resource memory(buffer.data(), buffer.size());
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error,
                                        json::storage_ptr(&memory), options);
  // It outlives the resource.
  return error ? json::value() : json::value(value, json::storage_ptr());
}

}  // namespace

std::optional<cvss::Severity> severity_of(std::string_view word) {
  using enum cvss::Severity;
  constexpr std::array<std::pair<std::string_view, cvss::Severity>, 8> kWords = {
      {{"critical", critical},
       {"high", high},
       {"important", high},
       {"medium", medium},
       {"moderate", medium},
       {"low", low},
       {"negligible", low},
       {"none", none}}};
  const auto* const found = std::ranges::find_if(kWords, [&](const auto& entry) {
    return std::ranges::equal(entry.first, word, [](unsigned char a, unsigned char b) {
      return a == static_cast<unsigned char>(std::tolower(b));
    });
  });
  if (found == kWords.end()) return std::nullopt;
  return found->second;
}

Result<Record> parse_record(std::string_view text) {
  boost::system::error_code error;
  const json::value value = parsed(text, error);
  if (error) return invalid(fmt::format("it is no JSON that can be read: {}", error.message()));
  if (!value.is_object()) return invalid("it is no object");
  Record record;
  record.id = codec::text_member(value, "id", kNameBytes);
  if (record.id.empty()) return invalid("it has no id");
  record.is_withdrawn = !codec::text_member(value, "withdrawn", kNameBytes).empty();
  record.modified = parse_rfc3339(codec::text_member(value, "modified", kNameBytes));
  if (record.is_withdrawn) return record;
  record.summary = first_line(codec::text_member(value, "summary", kSummaryBytes));
  record.details = codec::text_member(value, "details", kDetailsBytes);
  if (record.summary.empty()) {
    record.summary = first_line(codec::text_member(value, "details", kSummaryBytes));
  }
  int best = 0;
  read_severities(value, record, best);
  Budget budget;
  if (const json::value* affected = codec::member(value, "affected")) {
    if (!affected->is_array()) return invalid("\"affected\" is no list");
    for (const json::value& one : affected->get_array()) {
      HF_CHECK(read_affected(one, record, budget, best));
    }
  }
  read_rating(value, record);
  read_urls(value, record);
  read_names(value, record);
  return record;
}

}  // namespace holdfast::advisories
