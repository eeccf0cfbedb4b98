// Where the settings are kept, and read from memory.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <span>

#include "base/clock.hpp"
#include "base/fill_cache.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "settings/values.hpp"

namespace holdfast::settings {

std::span<const db::Migration> migrations();

// Threads: any. Everything blocks on the database except cached().
class Store {
 public:
  // `defaults` hold for what was never set.
  Store(db::Database& database, const Clock& clock, Values defaults);

  // The settings when they are in memory, else null. Never blocks.
  std::shared_ptr<const Values> cached();
  // The settings, read when they are not in memory.
  Result<std::shared_ptr<const Values>> load();
  // Sets the fields that `given` names and gives all settings as they are now; null and names that
  // are no setting are passed over. All or nothing: invalid/kSettingInvalid. What becomes no other
  // emits no event.
  Result<std::shared_ptr<const Values>> change(const boost::json::object& given,
                                               const events::Actor& actor);

 private:
  db::Database& database_;
  const Clock& clock_;
  const Values defaults_;
  FillCache<std::shared_ptr<const Values>> cache_;
  std::shared_ptr<void> subscription_;
};

}  // namespace holdfast::settings
