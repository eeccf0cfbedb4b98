#include "scanner/reports.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "packages/purl.hpp"

namespace holdfast::scanner {

namespace {

using packages::Package;

constexpr std::string_view kAlteredRemark =
    "it does not unpack to what the image's configuration says (diff_ids): clients refuse it";

// What is one component of an image. A package that the distribution owns is another one than the
// same from its language's registry: only one of the two is looked up.
using Identity =
    std::tuple<packages::Type, std::string, std::string, std::string, std::string, bool, bool>;

Identity identity_of(const Package& package, bool is_present) {
  return {package.type,        package.name,           package.version, package.architecture,
          package.source_name, !package.owner.empty(), is_present};
}

std::optional<cvss::Severity> worst(const Component& component) {
  std::optional<cvss::Severity> found;
  for (const advisories::Match& match : component.matches()) {
    if (match.severity && (!found || *match.severity > *found)) found = match.severity;
  }
  return found;
}

// What sorts first is worst: present, has findings, by severity, by their number.
auto rank(const Component& component) {
  const auto severity = worst(component);
  const auto matches = std::ssize(component.matches());
  return std::tuple(component.is_present ? 0 : 1, matches > 0 ? 0 : 1,
                    severity ? -static_cast<int>(*severity) : 0, -matches,
                    std::string_view(component.package.name),
                    std::string_view(component.package.version), component.layer);
}

Error too_large(std::string_view what, std::size_t at_most) {
  return fail(ErrorCode::too_large, kImageTooLarge,
              fmt::format("the image has more than {} {}", at_most, what));
}

class Joiner {
 public:
  explicit Joiner(ImageReport& report) : report_(report) {}

  // What the report has already is known.
  void take_up() {
    for (std::size_t i = 0; i < report_.components.size(); ++i) {
      const Component& component = report_.components[i];
      known_.emplace(identity_of(component.package, component.is_present), i);
    }
    for (LayerReport& layer : report_.layers) layer.components.clear();
  }

  void add(std::uint32_t layer, const Package& package, bool is_present) {
    const auto [known, is_new] =
        known_.try_emplace(identity_of(package, is_present), report_.components.size());
    if (is_new) {
      report_.components.push_back({.package = package, .layer = layer, .is_present = is_present});
    }
    Component& component = report_.components[known->second];
    if (component.paths.size() < Component::kPathsShown) component.paths.push_back(package.path);
  }

  Result<void> look_up(advisories::Database& database) {
    const packages::Release* release = report_.release ? &*report_.release : nullptr;
    std::size_t findings = 0;
    for (Component& component : report_.components) {
      if (!component.is_present) continue;
      findings += component.matches().size();
      if (component.answer) continue;  // counted already
      HF_TRY(component.answer, database.match(component.package, release));
      if (component.answer->coverage == advisories::Coverage::not_covered) ++report_.not_covered;
      findings += component.matches().size();
      if (findings > kFindingsAtMost) return too_large("findings", kFindingsAtMost);
      for (const advisories::Match& match : component.matches()) count(match, report_.counts);
    }
    return {};
  }

 private:
  ImageReport& report_;
  std::map<Identity, std::size_t> known_;
};

// About what it holds in memory.
std::size_t size_of(const ImageReport& report) {
  std::size_t size = 1024;
  // Answers are the database's own, which components share.
  for (const Component& component : report.components) size += 512 + component.paths.size() * 96;
  return size;
}

}  // namespace

std::string_view coverage_word(const Component& component) {
  if (!component.is_present) return "removed";
  if (!component.answer) return "notCovered";  // there are no advisories
  switch (component.answer->coverage) {
    case advisories::Coverage::covered:
      return "covered";
    case advisories::Coverage::not_covered:
      return "notCovered";
    case advisories::Coverage::owned:
      return "owned";
  }
  return "notCovered";
}

std::string_view severity_word(const advisories::Match& match) {
  return match.severity ? cvss::name(*match.severity) : "unknown";
}

void count(const advisories::Match& match, Counts& counts) {
  if (!match.severity) {
    ++counts.unknown;
  } else {
    switch (*match.severity) {
      case cvss::Severity::critical:
        ++counts.critical;
        break;
      case cvss::Severity::high:
        ++counts.high;
        break;
      case cvss::Severity::medium:
        ++counts.medium;
        break;
      case cvss::Severity::low:
      case cvss::Severity::none:
        ++counts.low;
        break;
    }
  }
  if (!match.fixed_version.empty()) ++counts.fixable;
  if (match.is_exploited) ++counts.exploited;
}

void put_in_order(ImageReport& report) {
  std::ranges::sort(report.components, {}, rank);
  for (std::uint32_t i = 0; i < report.components.size(); ++i) {
    report.layers[report.components[i].layer].components.push_back(i);
  }
}

Result<ImageReport> join(const oci::Digest& digest, const Image& image,
                         const std::vector<oci::Digest>& layers,
                         const std::vector<std::optional<StoredLayer>>& reports,
                         advisories::Database* database) {
  ImageReport joined{.digest = digest};
  Joiner joiner(joined);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerReport layer{.digest = layers[i]};
    if (const auto& stored = reports[i]; stored) {
      layer.state = stored->state;
      layer.remarks = stored->report.remarks;
    }
    if (image.altered.contains(static_cast<std::uint32_t>(i))) {
      layer.remarks.emplace_back(kAlteredRemark);
    }
    joined.layers.push_back(std::move(layer));
  }
  for (std::size_t i = 0; i < image.layers.size() && i < layers.size(); ++i) {
    const auto& stored = reports[i];
    if (!stored) continue;
    const packages::Layer& report = stored->report;
    if (image.release_layer == i) joined.release = report.release;
    for (const Brought& brought : image.layers[i]) {
      if (brought.package >= report.packages.size()) continue;
      joiner.add(static_cast<std::uint32_t>(i), report.packages[brought.package],
                 brought.is_present);
      if (joined.components.size() > kComponentsAtMost) {
        return too_large("packages", kComponentsAtMost);
      }
    }
  }
  if (database != nullptr) {
    joined.advisories = database->info().version;
    HF_CHECK(joiner.look_up(*database));
  }
  put_in_order(joined);
  return joined;
}

Result<ImageReport> join_attached(const ImageReport& image,
                                  const std::vector<AttachedReport>& lists,
                                  advisories::Database* database) {
  using Name = std::tuple<packages::Type, std::string, std::string>;
  const auto name_of = [](const Package& package) {
    return Name(package.type, packages::normal_name(package.type, package.name), package.version);
  };
  ImageReport joined = image;
  Joiner joiner(joined);
  joiner.take_up();
  std::set<Name> found;
  for (const Component& component : image.components) {
    if (component.is_present) found.insert(name_of(component.package));
  }
  for (const AttachedReport& list : lists) {
    const auto layer = static_cast<std::uint32_t>(joined.layers.size());
    joined.layers.push_back({.digest = list.blob, .remarks = list.report.remarks});
    for (Package package : list.report.packages) {
      if (found.contains(name_of(package))) continue;
      if (joined.components.size() >= kComponentsAtMost) {
        joined.layers.back().remarks.emplace_back("it lists more packages than are shown");
        break;
      }
      package.detector = kAttachedDetector;
      joiner.add(layer, package, true);
    }
  }
  if (database != nullptr) HF_CHECK(joiner.look_up(*database));
  put_in_order(joined);
  return joined;
}

Result<std::shared_ptr<const ImageReport>> Reports::find(const oci::Digest& digest,
                                                         const std::vector<oci::Digest>& attached) {
  HF_TRY(const auto image, find(digest));
  if (attached.empty()) return image;
  std::string key = digest.text();
  for (const oci::Digest& blob : attached) key += blob.text();
  const auto ticket = extended_.ticket(key);
  if (const auto known = extended_.find(key); known && known->image == image) return known->report;
  const auto database = advisories_.current();
  std::vector<AttachedReport> lists;
  for (const oci::Digest& blob : attached) {
    HF_TRY(auto stored, layers_.find(blob, Layers::Files::without, kListReaderVersion));
    if (stored) lists.push_back({blob, std::move(stored->report)});
  }
  HF_TRY(ImageReport joined, join_attached(*image, lists, database.get()));
  auto report = std::make_shared<const ImageReport>(std::move(joined));
  extended_.insert(ticket, key, {image, report}, size_of(*report));
  return std::shared_ptr<const ImageReport>(std::move(report));
}

Result<std::shared_ptr<const ImageReport>> Reports::find(const oci::Digest& digest) {
  const auto database = advisories_.current();
  const std::string version = database ? database->info().version : "";
  const auto known = cache_.find(digest.text());
  if (known && (*known)->advisories == version) return *known;
  HF_TRY(const Image image, scans_.image(digest));
  return make(digest, image);
}

Result<std::shared_ptr<const ImageReport>> Reports::make(const oci::Digest& digest,
                                                         const Image& image) {
  const auto ticket = cache_.ticket(digest.text());
  const auto database = advisories_.current();
  HF_TRY(const std::vector<oci::Digest> layers, scans_.layers(digest));
  std::vector<std::optional<StoredLayer>> reports;
  for (const oci::Digest& layer : layers) {
    HF_TRY(auto report, layers_.find(layer, Layers::Files::without));
    reports.push_back(std::move(report));
  }
  HF_TRY(ImageReport joined, join(digest, image, layers, reports, database.get()));
  auto report = std::make_shared<const ImageReport>(std::move(joined));
  cache_.insert(ticket, digest.text(), report, size_of(*report));
  return std::shared_ptr<const ImageReport>(std::move(report));
}

}  // namespace holdfast::scanner
