#include "jobs/action_configs.hpp"

#include <fmt/format.h>
#include <utility>

#include "jobs/rows.hpp"

namespace holdfast::jobs {

namespace {

ActionConfig config_of(const db::Row& row) {
  return {row.string(0), row.string(1), object_in(row.text(2))};
}

Result<std::optional<ActionConfig>> config_in(db::Tx& tx, std::string_view action) {
  return tx.find<ActionConfig>(
      "SELECT uuid, action, parameters FROM action_configs WHERE action = $1", {action}, config_of);
}

Error unknown(std::string_view action) {
  return fail(ErrorCode::not_found, kActionConfigUnknown,
              fmt::format("the action {} has no config", action));
}

Result<void> tell(db::Tx& tx, events::Type type, std::string_view action,
                  const events::Actor& actor, Timestamp now) {
  events::Event event;
  event.at = now;
  event.type = type;
  event.actor = actor;
  event.object = action;
  return events::append(tx, event);
}

}  // namespace

ActionConfigs::ActionConfigs(db::Database& database, const Actions& actions, const Clock& clock,
                             Random& random)
    : database_(database), actions_(actions), clock_(clock), random_(random) {}

Result<ActionConfig> ActionConfigs::set(std::string_view action,
                                        const boost::json::object& parameters,
                                        const events::Actor& actor) {
  // What a job with them would be told.
  HF_TRY(const Job job, job_from({.action = std::string(action), .parameters = parameters},
                                 actions_, clock_.now(), random_));
  ActionConfig stored;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO action_configs (uuid, action, parameters) VALUES ($1, $2, $3) "
                   "ON CONFLICT (action) DO UPDATE SET parameters = excluded.parameters",
                   {job.uuid, job.action, text_of(parameters)}));
    HF_TRY(auto now, config_in(tx, job.action));
    if (!now) return unknown(action);
    stored = *std::move(now);
    return tell(tx, events::Type::action_config_set, action, actor, clock_.now());
  }));
  return stored;
}

Result<std::vector<ActionConfig>> ActionConfigs::list() {
  std::vector<ActionConfig> configs;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    configs.clear();
    return tx.query("SELECT uuid, action, parameters FROM action_configs ORDER BY action", {},
                    [&](const db::Row& row) -> Result<void> {
                      configs.push_back(config_of(row));
                      return {};
                    });
  }));
  return configs;
}

Result<ActionConfig> ActionConfigs::find(std::string_view action) {
  std::optional<ActionConfig> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, config_in(tx, action));
    return {};
  }));
  if (!found) return unknown(action);
  return *std::move(found);
}

Result<void> ActionConfigs::remove(std::string_view action, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t gone,
           tx.execute("DELETE FROM action_configs WHERE action = $1", {action}));
    if (gone == 0) return unknown(action);
    return tell(tx, events::Type::action_config_removed, action, actor, clock_.now());
  });
}

Result<boost::json::object> with_config(db::Tx& tx, std::string_view action,
                                        const boost::json::object& parameters) {
  HF_TRY(const auto config, config_in(tx, action));
  boost::json::object all = config ? config->parameters : boost::json::object();
  for (const auto& member : parameters) all.insert_or_assign(member.key(), member.value());
  return all;
}

}  // namespace holdfast::jobs
