#include "jobs/schedules.hpp"

#include "jobs/action_configs.hpp"
#include "jobs/testing.hpp"

namespace holdfast::jobs {
namespace {

using testing::Engine;
using namespace std::chrono_literals;

class SchedulesTest : public testing::JobsTest {
 protected:
  std::size_t job_count() { return jobs_->queue.list({.limit = 1000}).value().size(); }
  std::string next_run() {
    return rfc3339(jobs_->schedules.find("work").value().next_run).substr(11, 8);
  }
};

TEST_P(SchedulesTest, ACronMakesJobsWhenItIsTime) {
  const NewCron wanted{.schedule = "0 */10 * * * *",
                       .job = {.action = "work", .parameters = {{"a", "b"}}, .retries = 2}};
  ASSERT_TRUE(jobs_->schedules.set(wanted, actor_));
  EXPECT_EQ(next_run(), "15:00:00");
  EXPECT_EQ(jobs_->schedules.tick().value(), 0);
  clock_.advance(10min);
  EXPECT_EQ(jobs_->schedules.tick().value(), 1);
  EXPECT_EQ(jobs_->schedules.tick().value(), 0);
  EXPECT_EQ(next_run(), "15:10:00");
  const Job job = jobs_->queue.list({}).value().at(0);
  EXPECT_EQ(job.action, "work");
  EXPECT_EQ(job.parameters.at("a"), "b");
  EXPECT_EQ(job.retries_left, 2);
  // It waits still: another one would do the same.
  clock_.advance(10min);
  EXPECT_EQ(jobs_->schedules.tick().value(), 1);
  EXPECT_EQ(job_count(), 1U);
}

TEST_P(SchedulesTest, WhatWasMissedIsMadeOnce) {
  ASSERT_TRUE(jobs_->schedules.set({.schedule = "@hourly", .job = {.action = "work"}}, actor_));
  clock_.advance(std::chrono::days(3));
  EXPECT_EQ(jobs_->schedules.tick().value(), 1);
  EXPECT_EQ(job_count(), 1U);
  EXPECT_EQ(next_run(), "15:00:00");
}

TEST_P(SchedulesTest, IsSetReplacedAndRemoved) {
  ASSERT_TRUE(jobs_->schedules.set({.schedule = "@hourly", .job = {.action = "work"}}, actor_));
  const Cron first = jobs_->schedules.find("work").value();
  ASSERT_TRUE(jobs_->schedules.set({.schedule = "@daily", .job = {.action = "work"}}, actor_));
  const Cron second = jobs_->schedules.find("work").value();
  EXPECT_EQ(first.uuid, second.uuid);
  EXPECT_EQ(second.schedule, "@daily");
  EXPECT_EQ(jobs_->schedules.list().value().size(), 1U);
  ASSERT_TRUE(jobs_->schedules.remove("work", actor_));
  EXPECT_EQ(jobs_->schedules.remove("work", actor_).error().reason, kCronUnknown);
  EXPECT_EQ(
      jobs_->schedules.set({.schedule = "x", .job = {.action = "work"}}, actor_).error().reason,
      kScheduleInvalid);
  EXPECT_EQ(
      jobs_->schedules.set({.schedule = "@daily", .job = {.action = "x"}}, actor_).error().reason,
      kActionUnknown);
  EXPECT_EQ(events().size(), 3U);
}

TEST_P(SchedulesTest, WhatIsInstalledComesOnce) {
  const NewCron standard{.schedule = "@daily", .job = {.action = "work"}};
  ASSERT_TRUE(jobs_->schedules.install(standard));
  ASSERT_TRUE(jobs_->schedules.install(standard));
  EXPECT_EQ(jobs_->schedules.list().value().size(), 1U);
  ASSERT_TRUE(jobs_->schedules.remove("work", actor_));
  ASSERT_TRUE(jobs_->schedules.install(standard));
  EXPECT_TRUE(jobs_->schedules.list().value().empty());
  // One that an administrator made before is theirs.
  ASSERT_TRUE(jobs_->schedules.set({.schedule = "@hourly", .job = {.action = "scan"}}, actor_));
  ASSERT_TRUE(jobs_->schedules.install({.schedule = "@daily", .job = {.action = "scan"}}));
  EXPECT_EQ(jobs_->schedules.find("scan").value().schedule, "@hourly");
}

// Several processes share a PostgreSQL database; a SQLite file has one.
class SchedulesReplicasTest : public SchedulesTest {};
INSTANTIATE_TEST_SUITE_P(Engines, SchedulesReplicasTest, ::testing::Values(Engine::postgres),
                         [](const auto& /*each*/) { return "postgres"; });

TEST_P(SchedulesReplicasTest, OfTwoReplicasOneMakesTheJob) {
  const auto other = open();
  Jobs others(*other, clock_, random_);
  others.actions.add({.name = "work", .work = [](jobs::Run&) -> Result<void> { return {}; }});
  ASSERT_TRUE(jobs_->schedules.set({.schedule = "* * * * * *", .job = {.action = "work"}}, actor_));
  for (int round = 0; round < 20; ++round) {
    clock_.advance(1s);
    std::thread beside([&] { EXPECT_TRUE(others.schedules.tick()); });
    EXPECT_TRUE(jobs_->schedules.tick());
    beside.join();
    ASSERT_EQ(jobs_->queue.list({}).value().size(), 1U) << round;
    ASSERT_TRUE(jobs_->queue.remove(jobs_->queue.list({}).value()[0].uuid, actor_));
  }
}

TEST_P(SchedulesTest, ConfigsGiveParameters) {
  ActionConfigs& configs = jobs_->configs;
  ASSERT_TRUE(configs.set("work", {{"a", "1"}, {"b", "2"}}, actor_));
  ASSERT_TRUE(configs.set("work", {{"a", "3"}, {"b", "4"}}, actor_));
  EXPECT_EQ(configs.list().value().size(), 1U);
  EXPECT_EQ(configs.set("x", {}, actor_).error().reason, kActionUnknown);
  ASSERT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto all, with_config(tx, "work", {{"b", "5"}, {"c", "6"}}));
    EXPECT_EQ(all, (boost::json::object{{"a", "3"}, {"b", "5"}, {"c", "6"}}));
    HF_TRY(const auto none, with_config(tx, "scan", {}));
    EXPECT_TRUE(none.empty());
    return {};
  }));
  ASSERT_TRUE(configs.remove("work", actor_));
  EXPECT_EQ(configs.remove("work", actor_).error().reason, kActionConfigUnknown);
  EXPECT_EQ(configs.find("work").error().reason, kActionConfigUnknown);
}

INSTANTIATE_TEST_SUITE_P(Engines, SchedulesTest,
                         ::testing::Values(Engine::sqlite, Engine::postgres), [](const auto& each) {
                           return each.param == Engine::sqlite ? "sqlite" : "postgres";
                         });

}  // namespace
}  // namespace holdfast::jobs
