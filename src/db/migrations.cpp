#include "db/migrations.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <string>

#include "base/clock.hpp"

namespace holdfast::db {

std::vector<Migration> joined(std::initializer_list<std::span<const Migration>> modules) {
  std::vector<Migration> all;
  for (const auto& module : modules) all.insert(all.end(), module.begin(), module.end());
  return all;
}

Result<std::vector<Migration>> due_migrations(Tx& tx, std::span<const Migration> known,
                                              std::size_t& applied) {
  std::set<std::string, std::less<>> held;
  HF_CHECK(tx.query("SELECT name FROM schema_migrations", {}, [&](const Row& row) -> Result<void> {
    held.insert(row.string(0));
    return {};
  }));
  applied = held.size();
  for (const std::string& name : held) {
    if (std::ranges::find(known, name, &Migration::name) != known.end()) continue;
    return fail(ErrorCode::unsupported, kSchemaNewer,
                fmt::format("the database was used by a newer Holdfast (it holds \"{}\"): run that "
                            "version or a later one",
                            name));
  }
  std::vector<Migration> due;
  std::ranges::copy_if(known, std::back_inserter(due),
                       [&](const Migration& migration) { return !held.contains(migration.name); });
  return due;
}

Result<void> apply_migrations(Tx& tx, std::span<const Migration> due, const Dialect& dialect) {
  for (const Migration& migration : due) {
    for (const std::string& statement : render_ddl(migration.ddl, dialect)) {
      HF_CHECK(tx.execute(statement, {}));
    }
    HF_CHECK(tx.execute("INSERT INTO schema_migrations (name, applied_at) VALUES ($1, $2)",
                        {migration.name, to_micros(SystemClock().now())}));
  }
  return {};
}

}  // namespace holdfast::db
