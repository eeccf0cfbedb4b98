#include "jobs/queue.hpp"

#include "jobs/testing.hpp"

namespace holdfast::jobs {
namespace {

using testing::Engine;
using namespace std::chrono_literals;

class QueueTest : public testing::JobsTest {
 protected:
  // A job that is over, as it was at this time.
  Job ended(const std::string& action, Status status, std::int64_t retries_left = 0) {
    const Job job = enqueue({.action = action});
    EXPECT_TRUE(database_->write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
      HF_CHECK(
          tx.execute("UPDATE jobs SET state = 2, status = $2, updated_at = $3, "
                     "retries_left = $4 WHERE uuid = $1",
                     {job.uuid, name(status), to_micros(clock_.now()), retries_left}));
      HF_CHECK(
          tx.execute("INSERT INTO job_logs (job_id, number, data) VALUES ($1, 0, 'x')", {job.id}));
      return {};
    }));
    return job;
  }
  std::int64_t lines() {
    std::int64_t count = 0;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      return tx.query("SELECT count(*) FROM job_logs", {}, [&](const db::Row& row) -> Result<void> {
        count = row.integer(0);
        return {};
      });
    }));
    return count;
  }
};

TEST_P(QueueTest, AJobIsKeptAsItWasMade) {
  const Job made = enqueue({.action = "scan",
                            .parameters = {{"repository", "a/b"}},
                            .retries = 3,
                            .deadline = "1h",
                            .stop_timeout = "30s",
                            .scheduled_at = clock_.now() + 1h});
  const Job job = found(made.uuid);
  EXPECT_EQ(job.status, Status::waiting);
  EXPECT_EQ(job.retry_from, job.uuid);
  EXPECT_EQ(job.worker, "");
  EXPECT_EQ(job.action, "scan");
  EXPECT_EQ(job.parameters.at("repository"), "a/b");
  EXPECT_EQ(job.capacity, (CapacityMap{{"scan", 1}}));
  EXPECT_EQ(job.deadline, "1h");
  EXPECT_EQ(job.stop_timeout, "30s");
  EXPECT_EQ(job.retries_left, 3);
  EXPECT_EQ(job.retries_total, 3);
  EXPECT_EQ(job.scheduled_at, clock_.now() + 1h);
  EXPECT_EQ(job.updated_at, clock_.now());
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].type, events::Type::job_created);
  EXPECT_EQ(events()[0].object, "scan");
  EXPECT_EQ(events()[0].detail, job.uuid);
}

TEST_P(QueueTest, RefusesWhatIsNoJob) {
  const auto reason = [&](const NewJob& job) {
    const auto made = jobs_->queue.enqueue(job, actor_);
    return made ? std::string_view("made") : made.error().reason;
  };
  EXPECT_EQ(reason({.action = "nothing"}), kActionUnknown);
  EXPECT_EQ(jobs_->queue.enqueue({.action = "nothing"}, actor_).error().message,
            "there is no action \"nothing\"; there are: alone, scan, work");
  EXPECT_EQ(reason({.action = "work", .retries = -1}), kJobInvalid);
  EXPECT_EQ(reason({.action = "work", .retries = 101}), kJobInvalid);
  EXPECT_EQ(reason({.action = "work", .capacity = CapacityMap{{"", 1}}}), kJobInvalid);
  EXPECT_EQ(reason({.action = "work", .capacity = CapacityMap{{"a", -1}}}), kJobInvalid);
  EXPECT_EQ(reason({.action = "work", .deadline = "soon"}), kJobInvalid);
  EXPECT_EQ(reason({.action = "work", .stop_timeout = "-1s"}), kJobInvalid);
  EXPECT_EQ(reason({.action = "work", .parameters = {{"a", std::string(1U << 20U, 'x')}}}),
            kJobInvalid);
  EXPECT_EQ(reason({.action = "work", .parameters = {{"a", std::string("x\0y", 3)}}}), kJobInvalid);
  EXPECT_TRUE(events().empty());
}

TEST_P(QueueTest, ListsAreNewestFirst) {
  std::vector<std::string> made;
  for (int i = 0; i < 9; ++i)
    made.push_back(enqueue({.action = i % 3 == 0 ? "scan" : "work"}).uuid);
  const auto list = [&](const JobQuery& query) {
    std::vector<std::string> uuids;
    for (const Job& job : jobs_->queue.list(query).value()) uuids.push_back(job.uuid);
    return uuids;
  };
  EXPECT_EQ(list({.limit = 2}), (std::vector{made[8], made[7]}));
  EXPECT_EQ(list({.start = 2, .limit = 2}), (std::vector{made[6], made[5]}));
  EXPECT_EQ(list({.action = "scan"}), (std::vector{made[6], made[3], made[0]}));
  EXPECT_EQ(list({.action = "scan", .start = 2}), (std::vector{made[0]}));
  EXPECT_EQ(list({.worker = "w"}).size(), 0U);
  EXPECT_EQ(list({.running = true}).size(), 0U);
  EXPECT_EQ(list({.running = false, .limit = 100}).size(), 9U);
  EXPECT_EQ(list({.action = "work", .worker = "w", .running = false}).size(), 0U);
}

TEST_P(QueueTest, OnceMeansThatNoneWaits) {
  const auto once = [&](const NewJob& job) {
    bool made = false;
    EXPECT_TRUE(database_->write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
      HF_TRY(made, jobs_->queue.enqueue_once(tx, job));
      return {};
    }));
    return made;
  };
  EXPECT_TRUE(once({.action = "work"}));
  EXPECT_FALSE(once({.action = "work"}));
  EXPECT_TRUE(once({.action = "work", .parameters = {{"a", 1}}}));
  EXPECT_TRUE(once({.action = "work", .parameters = {{"a", "1"}}}));
  EXPECT_FALSE(once({.action = "work", .parameters = {{"a", "1"}}}));
  EXPECT_TRUE(once({.action = "scan"}));
  for (const Job& job : jobs_->queue.list({}).value()) {
    ASSERT_TRUE(jobs_->queue.cancel(job.uuid, actor_));
  }
  EXPECT_TRUE(once({.action = "work"}));
}

TEST_P(QueueTest, WhatWaitsIsCanceledAndForgotten) {
  const std::string uuid = enqueue({.action = "work"}).uuid;
  ASSERT_TRUE(jobs_->queue.cancel(uuid, actor_));
  EXPECT_EQ(status(uuid), Status::cancel);
  ASSERT_TRUE(jobs_->queue.cancel(uuid, actor_));
  EXPECT_EQ(events().size(), 2U);  // once
  ASSERT_TRUE(jobs_->queue.remove(uuid, actor_));
  EXPECT_EQ(events().back().type, events::Type::job_deleted);
  for (const auto& outcome :
       {jobs_->queue.remove(uuid, actor_), jobs_->queue.cancel(uuid, actor_)}) {
    EXPECT_EQ(outcome.error().reason, kJobUnknown);
  }
  EXPECT_EQ(jobs_->queue.find("x").error().reason, kJobUnknown);
  EXPECT_EQ(jobs_->queue.logs(uuid, 0, 10).error().reason, kJobUnknown);
}

TEST_P(QueueTest, OldJobsAreForgottenByAgeAndNumber) {
  for (int i = 0; i < 10; ++i) {
    ended("work", Status::done);
    clock_.advance(1h);
  }
  enqueue({.action = "work"});  // waits: stays
  EXPECT_EQ(jobs_->queue.forget({}, 1000).value(), 0);
  EXPECT_EQ(jobs_->queue.forget({.to_keep = 8}, 1000).value(), 2);
  EXPECT_EQ(jobs_->queue.forget({.max_age = 6h}, 1000).value(), 3);
  EXPECT_EQ(jobs_->queue.list({.limit = 100}).value().size(), 6U);
  EXPECT_EQ(lines(), 5);
  EXPECT_EQ(jobs_->queue.forget({.max_age = 1s}, 1000).value(), 5);
}

TEST_P(QueueTest, FailuresCountUntilItWentWell) {
  const auto failing = [&] { return jobs_->queue.failing().value(); };
  ended("work", Status::error, 2);  // is tried again
  EXPECT_TRUE(failing().empty());
  clock_.advance(1s);
  ended("work", Status::error);
  clock_.advance(1s);
  const Job last = ended("work", Status::error);
  ASSERT_EQ(failing().size(), 1U);
  EXPECT_EQ(failing()[0].action, "work");
  EXPECT_EQ(failing()[0].count, 2);
  EXPECT_EQ(failing()[0].last_job, last.uuid);
  clock_.advance(1s);
  ended("scan", Status::done);
  EXPECT_EQ(failing().size(), 1U);
  const Counts counts = jobs_->queue.counts().value();
  EXPECT_EQ(counts.failed, 3);
  EXPECT_EQ(counts.waiting, 0);
  ended("work", Status::done);
  EXPECT_TRUE(failing().empty());
  ended("scan", Status::error);
  clock_.advance(25h);
  EXPECT_TRUE(failing().empty());
}

INSTANTIATE_TEST_SUITE_P(Engines, QueueTest, ::testing::Values(Engine::sqlite, Engine::postgres),
                         [](const auto& each) {
                           return each.param == Engine::sqlite ? "sqlite" : "postgres";
                         });

}  // namespace
}  // namespace holdfast::jobs
