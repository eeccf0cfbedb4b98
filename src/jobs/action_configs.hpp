// Parameters that every job of an action has, unless it says otherwise itself.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "jobs/actions.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view kActionConfigUnknown = "action_config_unknown";  // not_found

struct ActionConfig {
  std::string uuid;
  std::string action;
  boost::json::object parameters;
};

// Threads: any. Blocks on the database. Everything it is given outlives it.
class ActionConfigs {
 public:
  ActionConfigs(db::Database& database, const Actions& actions, const Clock& clock, Random& random);

  // Counts for the jobs that begin from now on. invalid/kActionUnknown, invalid/kJobInvalid.
  Result<ActionConfig> set(std::string_view action, const boost::json::object& parameters,
                           const events::Actor& actor);
  // All, by the names of their actions.
  Result<std::vector<ActionConfig>> list();
  // not_found/kActionConfigUnknown.
  Result<ActionConfig> find(std::string_view action);
  Result<void> remove(std::string_view action, const events::Actor& actor);

 private:
  db::Database& database_;
  const Actions& actions_;
  const Clock& clock_;
  Random& random_;
};

// The parameters of an action's config with those of a job over them.
Result<boost::json::object> with_config(db::Tx& tx, std::string_view action,
                                        const boost::json::object& parameters);

}  // namespace holdfast::jobs
