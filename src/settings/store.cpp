#include "settings/store.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <utility>

#include "codec/json.hpp"

namespace holdfast::settings {

namespace {

constexpr db::Migration kMigrations[] = {
    {"settings/0001-settings", R"(CREATE TABLE settings (
        name {text} NOT NULL PRIMARY KEY,
        value {text} NOT NULL))"},
};

constexpr std::string_view kTopic = "settings";
constexpr std::string_view kAll = "all";  // the one key of topic and cache

// What is stored over the defaults. A value that no longer fits its field leaves the default.
Result<Values> read(db::Tx& tx, const Values& defaults) {
  Values values = defaults;
  HF_CHECK(
      tx.query("SELECT name, value FROM settings", {}, [&](const db::Row& row) -> Result<void> {
        if (const auto value = codec::parse_json(row.text(1))) {
          (void)set(values, row.text(0), *value).has_value();
        }
        return {};
      }));
  return values;
}

// Sets what is given; gives the names of the fields that are different now.
Result<std::vector<std::string_view>> apply(Values& values, const boost::json::object& given) {
  const boost::json::object before = shown(values);
  for (const auto& member : given) {
    if (!member.value().is_null()) HF_CHECK(set(values, member.key(), member.value()));
  }
  const boost::json::object after = shown(values);
  std::vector<std::string_view> changed;
  for (const std::string_view name : names()) {
    if (before.at(name) != after.at(name)) changed.push_back(name);
  }
  return changed;
}

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

Store::Store(db::Database& database, const Clock& clock, Values defaults)
    : database_(database),
      clock_(clock),
      defaults_(std::move(defaults)),
      cache_(1),
      subscription_(database.subscribe(
          kTopic, [this](std::string_view key) { cache_.drop_or_clear(key); })) {}

std::shared_ptr<const Values> Store::cached() { return cache_.find(kAll).value_or(nullptr); }

Result<std::shared_ptr<const Values>> Store::load() {
  if (auto known = cached()) return known;
  const auto ticket = cache_.ticket(kAll);
  std::shared_ptr<const Values> values;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(Values stored, read(tx, defaults_));
    values = std::make_shared<const Values>(std::move(stored));
    return {};
  }));
  cache_.insert(ticket, kAll, values);
  return values;
}

Result<std::shared_ptr<const Values>> Store::change(const boost::json::object& given,
                                                    const events::Actor& actor) {
  std::shared_ptr<const Values> now;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(Values values, read(tx, defaults_));
    HF_TRY(const std::vector<std::string_view> changed, apply(values, given));
    const boost::json::object all = shown(values);
    // What is given is stored even when it is the default: the default may change.
    for (const std::string_view name : names()) {
      const boost::json::value* wanted = given.if_contains(name);
      if (wanted == nullptr || wanted->is_null()) continue;
      HF_CHECK(
          tx.execute("INSERT INTO settings (name, value) VALUES ($1, $2) "
                     "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                     {name, boost::json::serialize(all.at(name))}));
    }
    now = std::make_shared<const Values>(std::move(values));
    tx.changed(kTopic, kAll);
    if (changed.empty()) return {};
    events::Event event;
    event.at = clock_.now();
    event.type = events::Type::settings_changed;
    event.actor = actor;
    event.detail = fmt::format("{}", fmt::join(changed, ","));
    return events::append(tx, event);
  }));
  return now;
}

}  // namespace holdfast::settings
