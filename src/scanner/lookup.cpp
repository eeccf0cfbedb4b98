#include "scanner/lookup.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "advisories/ecosystems.hpp"

namespace holdfast::scanner {

namespace {

// Rows that are looked at for one page of a vulnerability.
constexpr int kStepsAtMost = 20;
constexpr std::int64_t kNamesAtMost = 500;

// Images that `layers` (a query of digests with $4 and on) has a layer of, where they lie.
std::string images_sql(std::string_view layers) {
  return fmt::format(
      "SELECT scan_images.id, scan_images.digest, manifests.repository_id, "
      "COALESCE((SELECT min(name) FROM tags WHERE tags.manifest_id = manifests.id), '') "
      "FROM scan_images JOIN manifests ON manifests.digest = scan_images.digest "
      "WHERE (scan_images.id, manifests.repository_id) > ($1, $2) AND scan_images.completed_at <> "
      "0 "
      "AND EXISTS (SELECT 1 FROM scan_image_layers WHERE image_id = scan_images.id AND digest IN "
      "({})) ORDER BY scan_images.id, manifests.repository_id LIMIT $3",
      layers);
}

Result<std::vector<FoundImage>> images(db::Tx& tx, std::string_view layers,
                                       const Lookup::Page& page, std::vector<db::Value> values) {
  std::vector<db::Value> all = {page.after_image, page.after_repository, page.limit};
  all.insert(all.end(), values.begin(), values.end());
  std::vector<FoundImage> found;
  HF_CHECK(tx.query(images_sql(layers), all, [&](const db::Row& row) -> Result<void> {
    HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(1)));
    found.push_back({row.integer(0), std::move(digest), row.integer(2), row.string(3)});
    return {};
  }));
  return found;
}

constexpr std::string_view kWithComponents =
    "SELECT scan_layers.digest FROM scan_components JOIN scan_layer_components ON component_id = "
    "scan_components.id JOIN scan_layers ON scan_layers.id = layer_id WHERE ";

bool has_present(const ImageReport& report, const auto& test) {
  return std::ranges::any_of(report.components, [&](const Component& component) {
    return component.is_present && test(component);
  });
}

}  // namespace

Result<std::vector<FoundImage>> Lookup::with_vulnerability(std::string_view name,
                                                           const Page& page) {
  std::vector<FoundImage> found;
  const auto database = advisories_.current();
  if (!database) return found;
  HF_TRY(const auto advisory, database->find(name));
  if (!advisory) return found;
  // Types and names that it is about, whatever the release.
  std::set<std::pair<std::string, std::string>> about;
  for (const auto& affected : advisory->affected) {
    const auto family = advisories::split_ecosystem(affected.ecosystem).family;
    const auto type = advisories::type_of_family(family);
    if (type && std::ssize(about) < kNamesAtMost) {
      about.emplace(packages::name(*type), affected.name);
    }
  }
  if (about.empty()) return found;
  std::string condition;
  std::vector<db::Value> values;
  for (const auto& [type, package] : about) {
    const std::size_t at = values.size() + 4;
    condition += fmt::format("{}(type = ${} AND (advisory_name = ${} OR name = ${}))",
                             condition.empty() ? "" : " OR ", at, at + 1, at + 1);
    values.emplace_back(std::string_view(type));
    values.emplace_back(std::string_view(package));
  }
  Page step = page;
  for (int i = 0; i < kStepsAtMost && std::ssize(found) < page.limit; ++i) {
    std::vector<FoundImage> candidates;
    HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(candidates, images(tx, fmt::format("{}{}", kWithComponents, condition), step, values));
      return {};
    }));
    for (FoundImage& candidate : candidates) {
      step.after_image = candidate.image_id;
      step.after_repository = candidate.repository_id;
      const auto report = reports_.find(candidate.digest);
      if (!report) continue;
      const bool concerns = has_present(**report, [&](const Component& component) {
        return std::ranges::any_of(component.matches(), [&](const advisories::Match& match) {
          return std::ranges::find(match.ids, name) != match.ids.end();
        });
      });
      if (concerns && std::ssize(found) < page.limit) found.push_back(std::move(candidate));
    }
    if (std::ssize(candidates) < step.limit) break;
  }
  return found;
}

Result<std::vector<FoundImage>> Lookup::with_component(std::string_view name, const Page& page) {
  std::vector<FoundImage> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, images(tx, fmt::format("{}name = $4", kWithComponents), page, {name}));
    return {};
  }));
  return found;
}

Result<std::vector<FoundImage>> Lookup::with_layer(std::string_view digest, const Page& page) {
  std::vector<FoundImage> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, images(tx, "$4", page, {digest}));
    return {};
  }));
  return found;
}

Result<std::vector<FoundImage>> Lookup::with_license(std::string_view license, const Page& page) {
  std::vector<FoundImage> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, images(tx,
                         "SELECT scan_layers.digest FROM scan_layer_licenses JOIN scan_layers ON "
                         "scan_layers.id = layer_id WHERE license = $4",
                         page, {license}));
    return {};
  }));
  return found;
}

}  // namespace holdfast::scanner
