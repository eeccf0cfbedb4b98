// What this module's tests share: a database of each engine, and a clock that stands still.
#pragma once

#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <stdlib.h>
#include <string>

#include "base/random.hpp"
#include "db/migrations.hpp"
#include "db/postgres/postgres.hpp"
#include "db/sqlite/sqlite.hpp"
#include "db/testing/postgres_cluster.hpp"
#include "events/events.hpp"
#include "jobs/jobs.hpp"
#include "settings/store.hpp"

namespace holdfast::jobs::testing {

using namespace std::chrono_literals;

enum class Engine { sqlite, postgres };

class JobsTest : public ::testing::TestWithParam<Engine> {
 protected:
  JobsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-jobs-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    if (GetParam() == Engine::postgres) {
      static db::testing::PostgresCluster cluster;
      url_ = cluster.create_database();
    }
    database_ = open();
    const auto migrations =
        db::joined({events::migrations(), settings::migrations(), jobs::migrations()});
    const auto migrated = database_->migrate(migrations);
    EXPECT_TRUE(migrated) << (migrated ? "" : describe(migrated.error()));
    jobs_ = std::make_unique<Jobs>(*database_, clock_, random_);
    jobs_->actions.add({.name = "work", .work = [](jobs::Run&) -> Result<void> { return {}; }});
    jobs_->actions.add(
        {.name = "alone", .work = [](jobs::Run&) -> Result<void> { return {}; }, .alone = true});
    jobs_->actions.add({.name = "scan",
                        .work = [](jobs::Run&) -> Result<void> { return {}; },
                        .capacity_key = "scan"});
  }
  ~JobsTest() override {
    jobs_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Another handle on the same database, as another replica has it: on PostgreSQL.
  std::unique_ptr<db::Database> open() {
    if (GetParam() == Engine::sqlite) {
      return db::sqlite::open((folder_ / "test.db").string()).value();
    }
    return db::postgres::open({.url = url_, .connections = 4, .deadline = 10s}).value();
  }
  Job enqueue(const NewJob& job) { return jobs_->queue.enqueue(job, actor_).value(); }
  Job found(const std::string& uuid) { return jobs_->queue.find(uuid).value(); }
  Status status(const std::string& uuid) { return found(uuid).status; }
  // The job that goes on with another.
  std::optional<Job> again(const std::string& uuid) {
    for (const Job& job : jobs_->queue.list({.limit = 1000}).value()) {
      if (job.retry_from == uuid && job.uuid != uuid) return job;
    }
    return std::nullopt;
  }
  std::vector<events::Event> events() {
    std::vector<events::Event> events;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(events, events::list(tx, 0, 1000));
      return {};
    }));
    return events;
  }

  std::filesystem::path folder_;
  std::string url_;
  ManualClock clock_{parse_rfc3339("2026-11-25T14:50:31Z").value()};
  SystemRandom random_;
  events::Actor actor_{1, "admin", "192.0.2.1", "test", "request"};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Jobs> jobs_;
};

}  // namespace holdfast::jobs::testing
