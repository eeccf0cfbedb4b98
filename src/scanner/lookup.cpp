#include "scanner/lookup.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "advisories/ecosystems.hpp"
#include "scanner/registrations.hpp"

namespace holdfast::scanner {

namespace {

// Candidates for a vulnerability that are looked at for one page.
constexpr std::int64_t kCandidatesAtOnce = 100;
constexpr int kStepsAtMost = 20;
constexpr std::int64_t kNamesAtMost = 500;
// Positions of what other scanners found lie behind all of the built-in one's.
constexpr std::int64_t kOthers = std::int64_t{1} << 62U;

std::string visible_sql(const repos::VisibleSet& visible) {
  return repos::sql_condition(visible, {.is_public = "repositories.visibility = 1",
                                        .namespace_id = "repositories.namespace_id",
                                        .repository_id = "repositories.id"});
}

// Images that `layers` (a query of digests with $4 and on) has a layer of, where they lie.
std::string images_sql(std::string_view layers, const repos::VisibleSet& visible) {
  return fmt::format(
      "SELECT scan_images.id, scan_images.digest, manifests.repository_id, "
      "COALESCE((SELECT min(name) FROM tags WHERE tags.manifest_id = manifests.id), '') "
      "FROM scan_images JOIN manifests ON manifests.digest = scan_images.digest JOIN repositories "
      "ON repositories.id = manifests.repository_id "
      "WHERE (scan_images.id, manifests.repository_id) > ($1, $2) AND scan_images.completed_at <> "
      "0 AND {} AND {} = 0 "
      "AND EXISTS (SELECT 1 FROM scan_image_layers WHERE image_id = scan_images.id AND digest IN "
      "({})) ORDER BY scan_images.id, manifests.repository_id LIMIT $3",
      visible_sql(visible), kScannerOfRepository, layers);
}

// Images that registrations found a name in, in repositories that have them still.
std::string others_sql(const repos::VisibleSet& visible) {
  return fmt::format(
      "SELECT scan_adapter_images.id, manifests.digest, manifests.repository_id, "
      "COALESCE((SELECT min(tags.name) FROM tags WHERE tags.manifest_id = manifests.id), '') "
      "FROM scan_adapter_names JOIN scan_adapter_images ON scan_adapter_images.id = image_id JOIN "
      "manifests ON manifests.id = scan_adapter_images.manifest_id JOIN repositories ON "
      "repositories.id = manifests.repository_id WHERE kind = $1 AND scan_adapter_names.name = $2 "
      "AND image_id > $3 AND completed_at <> 0 AND {} AND registration_id = {} ORDER BY image_id "
      "LIMIT $4",
      visible_sql(visible), kScannerOfRepository);
}

Lookup::Position position_of(const FoundImage& image) {
  return {.image_id = image.image_id, .repository_id = image.repository_id};
}

constexpr std::string_view kWithComponents =
    "SELECT scan_layers.digest FROM scan_components JOIN scan_layer_components ON component_id = "
    "scan_components.id JOIN scan_layers ON scan_layers.id = layer_id WHERE ";

// A page of them, and one more to see whether another follows.
Result<Lookup::Found> images(db::Database& database, std::string_view layers,
                             const Lookup::Page& page, const std::vector<db::Value>& values) {
  std::vector<db::Value> all = {page.after.image_id, page.after.repository_id, page.limit + 1};
  all.insert(all.end(), values.begin(), values.end());
  const std::string sql = images_sql(layers, page.visible);
  Lookup::Found found;
  HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
    found.images.clear();
    return tx.query(sql, all, [&](const db::Row& row) -> Result<void> {
      HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(1)));
      found.images.push_back({row.integer(0), std::move(digest), row.integer(2), row.string(3)});
      return {};
    });
  }));
  if (std::ssize(found.images) > page.limit) {
    found.images.pop_back();
    found.next = position_of(found.images.back());
  }
  return found;
}

bool is_affected(const ImageReport& report, std::string_view vulnerability) {
  return std::ranges::any_of(report.components, [&](const Component& component) {
    return std::ranges::any_of(component.matches(), [&](const advisories::Match& match) {
      return std::ranges::find(match.ids, vulnerability) != match.ids.end();
    });
  });
}

}  // namespace

Result<Lookup::Found> Lookup::and_of_others(Found found, NameKind kind, std::string_view name,
                                            const Page& page) {
  if (found.next) return found;
  const std::int64_t room = page.limit - std::ssize(found.images);
  const std::string sql = others_sql(page.visible);
  std::vector<FoundImage> others;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    others.clear();
    return tx.query(sql,
                    {static_cast<std::int64_t>(kind), name,
                     std::max<std::int64_t>(page.after.image_id - kOthers, 0), room + 1},
                    [&](const db::Row& row) -> Result<void> {
                      HF_TRY(oci::Digest digest, oci::Digest::parse(row.text(1)));
                      others.push_back({kOthers + row.integer(0), std::move(digest), row.integer(2),
                                        row.string(3)});
                      return {};
                    });
  }));
  if (std::ssize(others) > room) {
    others.pop_back();
    found.next = others.empty() ? Position{.image_id = kOthers} : position_of(others.back());
  }
  for (FoundImage& one : others) found.images.push_back(std::move(one));
  return found;
}

Result<Lookup::Found> Lookup::with_vulnerability(std::string_view name, const Page& page) {
  HF_TRY(Found found, of_built_in(name, page));
  return and_of_others(std::move(found), NameKind::vulnerability, name, page);
}

Result<Lookup::Found> Lookup::of_built_in(std::string_view name, const Page& page) {
  Found found;
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
  const std::string layers = fmt::format("{}{}", kWithComponents, condition);
  Page step = page;
  step.limit = kCandidatesAtOnce;
  for (int i = 0; i < kStepsAtMost; ++i) {
    HF_TRY(Found candidates, images(database_, layers, step, values));
    for (FoundImage& candidate : candidates.images) {
      const auto report = reports_.find(candidate.digest);
      if (!report || !is_affected(**report, name)) continue;
      if (std::ssize(found.images) == page.limit) {
        found.next = position_of(found.images.back());
        return found;
      }
      found.images.push_back(std::move(candidate));
    }
    found.next = candidates.next;
    if (!candidates.next) break;
    step.after = *candidates.next;
  }
  return found;
}

Result<Lookup::Found> Lookup::with_component(std::string_view name, const Page& page) {
  HF_TRY(Found found, images(database_, fmt::format("{}name = $4", kWithComponents), page, {name}));
  return and_of_others(std::move(found), NameKind::component, name, page);
}

Result<Lookup::Found> Lookup::with_layer(std::string_view digest, const Page& page) {
  HF_TRY(Found found, images(database_, "$4", page, {digest}));
  return and_of_others(std::move(found), NameKind::layer, digest, page);
}

Result<Lookup::Found> Lookup::with_license(std::string_view license, const Page& page) {
  return images(database_,
                "SELECT scan_layers.digest FROM scan_layer_licenses JOIN scan_layers ON "
                "scan_layers.id = layer_id WHERE license = $4",
                page, {license});
}

}  // namespace holdfast::scanner
