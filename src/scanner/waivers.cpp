#include "scanner/waivers.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace holdfast::scanner {

namespace {

constexpr std::string_view kChanged = "scan_waivers";
constexpr std::size_t kTextBytes = 1024;

Result<void> check(const Waiver& waiver) {
  for (const auto& [what, text] : std::array<std::pair<std::string_view, std::string_view>, 3>{
           {{"the vulnerability", waiver.vulnerability},
            {"the component", waiver.component},
            {"the version", waiver.version}}}) {
    if (text.empty() || text.size() > kTextBytes) {
      return fail(ErrorCode::invalid, kWaiverInvalid,
                  fmt::format("{} must be named, by at most {} bytes", what, kTextBytes));
    }
  }
  if (waiver.notes.size() > kNotesBytes) {
    return fail(ErrorCode::invalid, kWaiverInvalid,
                fmt::format("the notes have more than {} bytes", kNotesBytes));
  }
  return {};
}

Result<void> emit(db::Tx& tx, events::Type type, const Waiver& waiver, const events::Actor& actor,
                  Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = waiver.uuid;
  event.digest = waiver.layer;
  event.detail = fmt::format("{} in {} {}: {}", waiver.vulnerability, waiver.component,
                             waiver.version, waiver.notes);
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
  if (row.integer(9) != 0) waiver.expires_at = from_micros(row.integer(9));
  return waiver;
}

constexpr std::string_view kColumns =
    "uuid, layer, repository_id, vulnerability, component, version, notes, author, created_at, "
    "expires_at";

}  // namespace

const Waiver* WaiverSet::find(std::int64_t repository_id, const ImageReport& report,
                              const Component& component, const advisories::Match& match,
                              Timestamp now) const {
  const auto found = std::ranges::find_if(waivers_, [&](const Waiver& waiver) {
    return waiver.component == component.package.name &&
           waiver.version == component.package.version &&
           (waiver.repository_id == 0 || waiver.repository_id == repository_id) &&
           (waiver.layer.empty() || waiver.layer == report.layers[component.layer].digest.text()) &&
           (!waiver.expires_at || *waiver.expires_at > now) &&
           std::ranges::find(match.ids, waiver.vulnerability) != match.ids.end();
  });
  return found == waivers_.end() ? nullptr : &*found;
}

Counts WaiverSet::left(std::int64_t repository_id, const ImageReport& report, Timestamp now) const {
  if (waivers_.empty()) return report.counts;
  Counts counts;
  for (const Component& component : report.components) {
    for (const advisories::Match& match : component.matches()) {
      if (find(repository_id, report, component, match, now) == nullptr) count(match, counts);
    }
  }
  return counts;
}

Waivers::Waivers(db::Database& database, const Clock& clock, Random& random)
    : database_(database),
      clock_(clock),
      random_(random),
      subscription_(database.subscribe(kChanged, [this](std::string_view) { cache_.clear(); })) {}

Result<std::shared_ptr<const WaiverSet>> Waivers::load() {
  if (auto known = cache_.find("")) return *std::move(known);
  const auto ticket = cache_.ticket("");
  std::vector<Waiver> waivers;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    waivers.clear();
    return tx.query(fmt::format("SELECT {} FROM scan_waivers ORDER BY id LIMIT $1", kColumns),
                    {static_cast<std::int64_t>(kWaiversAtMost)},
                    [&](const db::Row& row) -> Result<void> {
                      waivers.push_back(waiver_of(row));
                      return {};
                    });
  }));
  auto set = std::make_shared<const WaiverSet>(std::move(waivers));
  cache_.insert(ticket, "", set);
  return std::shared_ptr<const WaiverSet>(std::move(set));
}

Result<Waiver> Waivers::add(Waiver waiver, const events::Actor& actor) {
  HF_CHECK(check(waiver));
  waiver.uuid = uuid(random_);
  waiver.created_at = clock_.now();
  waiver.author = actor.name;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto count,
           tx.find<std::int64_t>("SELECT count(*) FROM scan_waivers", {},
                                 [](const db::Row& row) { return row.integer(0); }));
    if (count.value_or(0) >= static_cast<std::int64_t>(kWaiversAtMost)) {
      return fail(ErrorCode::conflict, kTooManyWaivers,
                  fmt::format("there are {} of these already: remove some", kWaiversAtMost));
    }
    HF_CHECK(tx.execute(
        fmt::format(
            "INSERT INTO scan_waivers ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            kColumns),
        {waiver.uuid, waiver.layer, waiver.repository_id, waiver.vulnerability, waiver.component,
         waiver.version, waiver.notes, waiver.author, to_micros(waiver.created_at),
         waiver.expires_at ? to_micros(*waiver.expires_at) : 0}));
    tx.changed(kChanged, "");
    return emit(tx, events::Type::waiver_created, waiver, actor, waiver.created_at);
  }));
  return waiver;
}

Result<void> Waivers::remove(std::string_view uuid, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto found,
           tx.find<Waiver>(
               fmt::format("DELETE FROM scan_waivers WHERE uuid = $1 RETURNING {}", kColumns),
               {uuid}, waiver_of));
    if (!found) {
      return fail(ErrorCode::not_found, kWaiverUnknown, "there is no such override");
    }
    tx.changed(kChanged, "");
    return emit(tx, events::Type::waiver_deleted, *found, actor, clock_.now());
  });
}

}  // namespace holdfast::scanner
