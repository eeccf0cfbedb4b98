#include "scanner/waivers.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <initializer_list>
#include <utility>

#include "packages/package.hpp"
#include "packages/purl.hpp"

namespace holdfast::scanner {

namespace {

constexpr std::string_view kChanged = "scan_waivers";
constexpr std::size_t kTextBytes = 1024;

Result<void> check(const Waiver& waiver) {
  const std::initializer_list<std::pair<std::string_view, std::string_view>> texts = {
      {"the vulnerability", waiver.vulnerability},
      {"the component", waiver.component},
      {"the version", waiver.version}};
  for (const auto& [what, text] : texts) {
    if (text.size() > kTextBytes) {
      return fail(ErrorCode::invalid, kWaiverInvalid,
                  fmt::format("{} has more than {} bytes", what, kTextBytes));
    }
  }
  if (waiver.vulnerability.empty() || (waiver.component.empty() && waiver.image.empty())) {
    return fail(ErrorCode::invalid, kWaiverInvalid,
                "the vulnerability and the component must be named");
  }
  if (waiver.notes.size() > kNotesBytes) {
    return fail(ErrorCode::invalid, kWaiverInvalid,
                fmt::format("the notes have more than {} bytes", kNotesBytes));
  }
  return {};
}

Result<void> need_room(db::Tx& tx, std::int64_t repository_id, std::size_t more) {
  HF_TRY(const auto count,
         tx.find<std::int64_t>("SELECT count(*) FROM scan_waivers WHERE repository_id = $1",
                               {repository_id}, [](const db::Row& row) { return row.integer(0); }));
  if (count.value_or(0) + static_cast<std::int64_t>(more) <=
      static_cast<std::int64_t>(kWaiversAtMost)) {
    return {};
  }
  return fail(ErrorCode::conflict, kTooManyWaivers,
              fmt::format("there may be {} of these, and {} are there already: remove some",
                          kWaiversAtMost, count.value_or(0)));
}

Result<void> emit(db::Tx& tx, events::Type type, const WaiverScope& scope, const Waiver& waiver,
                  const events::Actor& actor, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.repository = scope.repository;
  event.object = waiver.uuid;
  event.digest = waiver.layer;
  event.detail = fmt::format("{} in {}{}{}: {}", waiver.vulnerability, waiver.component,
                             waiver.version.empty() ? "" : " ", waiver.version, waiver.notes);
  return events::append(tx, event);
}

Waiver waiver_of(const db::Row& row) {
  Waiver waiver{.uuid = row.string(0),
                .layer = row.string(1),
                .repository_id = row.integer(2),
                .vulnerability = row.string(3),
                .component = row.string(4),
                .version = row.string(5),
                .notes = row.string(6),
                .author = row.string(7),
                .created_at = from_micros(row.integer(8))};
  waiver.type = row.string(10);
  waiver.image = row.string(11);
  waiver.document = row.string(12);
  waiver.distribution = row.string(13);
  waiver.architecture = row.string(14);
  if (row.integer(9) != 0) waiver.expires_at = from_micros(row.integer(9));
  return waiver;
}

constexpr std::string_view kColumns =
    "uuid, layer, repository_id, vulnerability, component, version, notes, author, created_at, "
    "expires_at, type, image, document, distribution, architecture";

Result<void> insert(db::Tx& tx, const Waiver& waiver) {
  HF_CHECK(tx.execute(
      fmt::format("INSERT INTO scan_waivers ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
                  "$11, $12, $13, $14, $15)",
                  kColumns),
      {waiver.uuid, waiver.layer, waiver.repository_id, waiver.vulnerability, waiver.component,
       waiver.version, waiver.notes, waiver.author, to_micros(waiver.created_at),
       waiver.expires_at ? to_micros(*waiver.expires_at) : 0, waiver.type, waiver.image,
       waiver.document, waiver.distribution, waiver.architecture}));
  return {};
}

// Documents of distributions name sources; what was built of them is meant as well.
bool is_named(const Waiver& waiver, const packages::Package& package, std::string_view name,
              std::string_view version) {
  const auto normal = [&](std::string_view text) {
    return packages::normal_name(package.type, text);
  };
  return (waiver.component == name ||
          (!waiver.type.empty() && normal(waiver.component) == normal(name))) &&
         (waiver.version.empty() || waiver.version == version);
}

// "debian" is any release of it.
bool is_of(const std::string& distribution, const std::optional<packages::Release>& release) {
  if (distribution.empty()) return true;
  if (!release) return false;
  return distribution == release->id ||
         distribution == fmt::format("{}-{}", release->id, release->version_id);
}

bool is_about(const Waiver& waiver, const packages::Package& package) {
  if (waiver.component.empty()) return true;
  if (!waiver.type.empty() && waiver.type != packages::name(package.type)) return false;
  if (!waiver.architecture.empty() && waiver.architecture != package.architecture) return false;
  return is_named(waiver, package, package.name, package.version) ||
         (!waiver.type.empty() && !package.source_name.empty() &&
          is_named(waiver, package, package.source_name, package.source_version));
}

}  // namespace

WaiverSet::WaiverSet(std::vector<Waiver> waivers) : waivers_(std::move(waivers)) {
  for (const Waiver& waiver : waivers_) by_vulnerability_[waiver.vulnerability].push_back(&waiver);
}

const Waiver* WaiverSet::find(const ImageReport& report, const Component& component,
                              const advisories::Match& match, Timestamp now) const {
  const auto hides = [&](const Waiver* waiver) {
    return is_about(*waiver, component.package) && is_of(waiver->distribution, report.release) &&
           (waiver->layer.empty() ||
            waiver->layer == report.layers[component.layer].digest.text()) &&
           (waiver->image.empty() || waiver->image == report.digest.text()) &&
           (!waiver->expires_at || *waiver->expires_at > now);
  };
  for (const std::string& name : match.ids) {
    const auto known = by_vulnerability_.find(name);
    if (known == by_vulnerability_.end()) continue;
    const auto found = std::ranges::find_if(known->second, hides);
    if (found != known->second.end()) return *found;
  }
  return nullptr;
}

Counts WaiverSet::left(const ImageReport& report, Timestamp now) const {
  if (waivers_.empty()) return report.counts;
  Counts counts;
  for (const Component& component : report.components) {
    for (const advisories::Match& match : component.matches()) {
      if (find(report, component, match, now) == nullptr) count(match, counts);
    }
  }
  return counts;
}

Waivers::Waivers(db::Database& database, const Clock& clock, Random& random)
    : database_(database),
      clock_(clock),
      random_(random),
      subscription_(database.subscribe(kChanged, [this](std::string_view) { cache_.clear(); })) {}

Result<std::shared_ptr<const WaiverSet>> Waivers::load(std::int64_t repository_id) {
  const std::string key = std::to_string(repository_id);
  if (auto known = cache_.find(key)) return *std::move(known);
  const auto ticket = cache_.ticket(key);
  std::vector<Waiver> waivers;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    waivers.clear();
    return tx.query(fmt::format("SELECT {} FROM scan_waivers WHERE repository_id IN (0, $1) "
                                "ORDER BY id",
                                kColumns),
                    {repository_id}, [&](const db::Row& row) -> Result<void> {
                      waivers.push_back(waiver_of(row));
                      return {};
                    });
  }));
  const std::size_t size = waivers.size() + 1;
  auto set = std::make_shared<const WaiverSet>(std::move(waivers));
  cache_.insert(ticket, key, set, size);
  return std::shared_ptr<const WaiverSet>(std::move(set));
}

Result<Waiver> Waivers::add(const WaiverScope& scope, Waiver waiver, const events::Actor& actor) {
  waiver.repository_id = scope.repository_id;
  HF_CHECK(check(waiver));
  waiver.uuid = uuid(random_);
  waiver.created_at = clock_.now();
  waiver.author = actor.name;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(need_room(tx, scope.repository_id, 1));
    HF_CHECK(insert(tx, waiver));
    tx.changed(kChanged, "");
    return emit(tx, events::Type::waiver_created, scope, waiver, actor, waiver.created_at);
  }));
  return waiver;
}

Result<void> Waivers::replace(const WaiverScope& scope, std::string_view document,
                              std::vector<Waiver> waivers, const events::Actor& actor) {
  const Timestamp now = clock_.now();
  for (Waiver& waiver : waivers) {
    HF_CHECK(check(waiver));
    waiver.uuid = uuid(random_);
    waiver.repository_id = scope.repository_id;
    waiver.document = document;
    waiver.author = actor.name;
    waiver.created_at = now;
  }
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t gone,
           tx.execute("DELETE FROM scan_waivers WHERE repository_id = $1 AND document = $2",
                      {scope.repository_id, document}));
    if (gone == 0 && waivers.empty()) return {};
    HF_CHECK(need_room(tx, scope.repository_id, waivers.size()));
    for (const Waiver& waiver : waivers) HF_CHECK(insert(tx, waiver));
    tx.changed(kChanged, "");
    events::Event event;
    event.at = now;
    event.type = waivers.empty() ? events::Type::waiver_deleted : events::Type::waiver_created;
    event.actor = actor;
    event.repository = scope.repository;
    event.object = document;
    event.detail = fmt::format("{} of a VEX document in place of {}", waivers.size(), gone);
    return events::append(tx, event);
  });
}

Result<void> Waivers::remove(const WaiverScope& scope, std::string_view uuid,
                             const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto found,
           tx.find<Waiver>(
               fmt::format("DELETE FROM scan_waivers WHERE uuid = $1 AND repository_id = $2 "
                           "RETURNING {}",
                           kColumns),
               {uuid, scope.repository_id}, waiver_of));
    if (!found) {
      return fail(ErrorCode::not_found, kWaiverUnknown, "there is no such override");
    }
    tx.changed(kChanged, "");
    return emit(tx, events::Type::waiver_deleted, scope, *found, actor, clock_.now());
  });
}

}  // namespace holdfast::scanner
