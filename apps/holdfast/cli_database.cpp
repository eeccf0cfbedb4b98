// `holdfast db`: the schema, and moving from one engine to the other.
#include <fmt/format.h>
#include <memory>
#include <set>

#include "base/clock.hpp"
#include "cli_parts.hpp"
#include "data_folder.hpp"
#include "metadata.hpp"

namespace holdfast {

namespace {

// Each needs the data folder for itself: the server must be stopped.
class DatabaseVerbs {
 public:
  explicit DatabaseVerbs(CLI::App& root) {
    CLI::App* db = root.add_subcommand("db", "Look after the metadata, with the server stopped");
    db->require_subcommand(1);
    status_ = db->add_subcommand("status", "Show which migrations the database holds");
    migrate_ = db->add_subcommand("migrate", "Bring the schema up to date, as a start would");
    copy_ = db->add_subcommand(
        "copy", "Copy everything into a new database of the other engine, and compare");
    copy_->add_option("--to", target_, "A PostgreSQL URL, or sqlite for the folder's own file")
        ->required();
    for (CLI::App* one : {status_, migrate_, copy_}) folder_.add_to(*one);
  }

  std::optional<int> run() {
    for (const CLI::App* one : {status_, migrate_, copy_}) {
      if (!one->parsed()) continue;
      const Configured configured = folder_.configured(*one);
      if (!configured.problems.empty()) return report(configured.problems);
      const Result<void> outcome = execute(*one, configured.options);
      return outcome ? kDone : failed(outcome.error().message);
    }
    return std::nullopt;
  }

 private:
  Result<void> execute(const CLI::App& verb, const Options& options) {
    HF_TRY(const DataFolder folder,
           DataFolder::open(options.data_dir, DataFolder::IfMissing::fail));
    if (&verb == copy_) {
      HF_CHECK(copy_metadata(folder, options.core.metadata, target_));
      if (target_ == "sqlite") {
        fmt::print("Copied and compared. Leave database.url empty from now on.\n");
      } else {
        fmt::print("Copied and compared. Set database.url to it from now on.\n");
      }
      return {};
    }
    HF_TRY(const auto database, open_metadata(folder, options.core.metadata));
    if (&verb == migrate_) {
      HF_CHECK(database->migrate(all_migrations()));
      fmt::print("The schema is up to date.\n");
      return {};
    }
    return show_status(*database, options.core.metadata);
  }

  static Result<void> show_status(db::Database& database, const MetadataOptions& options) {
    fmt::print("Engine: {}\n\n", options.url.empty()
                                     ? std::string("SQLite")
                                     : "PostgreSQL at " + without_password(options.url));
    std::vector<std::vector<std::string>> rows = {{"MIGRATION", "APPLIED"}};
    std::set<std::string> held;
    HF_CHECK(database.read([&](db::Tx& tx) {
      held.clear();
      rows.resize(1);
      return tx.query(
          "SELECT name, applied_at FROM schema_migrations ORDER BY applied_at, name", {},
          [&](const db::Row& row) -> Result<void> {
            held.insert(row.string(0));
            rows.push_back({row.string(0), rfc3339(from_micros(row.integer(1))).substr(0, 19)});
            return {};
          });
    }));
    for (const db::Migration& migration : all_migrations()) {
      if (!held.contains(std::string(migration.name))) {
        rows.push_back({std::string(migration.name), "due"});
      }
    }
    print_table(rows);
    return {};
  }

  FolderFlags folder_;
  std::string target_;
  CLI::App* status_ = nullptr;
  CLI::App* migrate_ = nullptr;
  CLI::App* copy_ = nullptr;
};

}  // namespace

Verbs database_verbs(CLI::App& root) {
  const auto verbs = std::make_shared<DatabaseVerbs>(root);
  return [verbs] { return verbs->run(); };
}

}  // namespace holdfast
