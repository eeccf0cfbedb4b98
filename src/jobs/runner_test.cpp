#include "jobs/runner.hpp"

#include <atomic>
#include <thread>

#include "jobs/builtin.hpp"
#include "jobs/testing.hpp"

namespace holdfast::jobs {
namespace {

using testing::Engine;
using namespace std::chrono_literals;

class RunnerTest : public testing::JobsTest {
 protected:
  RunnerTest() {
    add_builtin(*jobs_, settings_);
    jobs_->actions.add({.name = "until_told", .work = [this](jobs::Run& run) -> Result<void> {
                          ++started_;
                          run.log("begun");
                          while (!run.should_stop()) std::this_thread::sleep_for(1ms);
                          return {};
                        }});
    jobs_->actions.add({.name = "throws", .work = [](jobs::Run&) -> Result<void> {
                          throw std::runtime_error("out of everything");
                        }});
    jobs_->actions.add({.name = "echo", .work = [](jobs::Run& run) -> Result<void> {
                          for (const auto& member : run.parameters()) {
                            run.log(member.value().get_string());
                          }
                          return {};
                        }});
  }

  std::unique_ptr<Runner> runner(const std::string& id, db::Database* database = nullptr) {
    auto made = std::make_unique<Runner>(database == nullptr ? *database_ : *database,
                                         jobs_->actions, jobs_->schedules, system_, random_,
                                         RunnerOptions{.worker = id,
                                                       .threads = 3,
                                                       .lease = 4s,
                                                       .beat = 200ms,
                                                       .poll = 50ms,
                                                       .retry_after = 0s});
    made->start();
    return made;
  }
  // Waits until the job has a status; gives what it has in the end.
  Status wait_for(const std::string& uuid, Status wanted) {
    for (int i = 0; i < 2000 && status(uuid) != wanted; ++i) std::this_thread::sleep_for(10ms);
    return status(uuid);
  }
  std::string log_of(const std::string& uuid) {
    std::string text;
    for (const LogLine& line : jobs_->queue.logs(uuid, 0, 100'000).value())
      text += line.data + "\n";
    return text;
  }

  SystemClock system_;
  settings::Store settings_{*database_, system_, {}};
  std::atomic<int> started_{0};
};

TEST_P(RunnerTest, JobsRunAndLog) {
  const auto runner = this->runner("a");
  const std::string echo =
      enqueue({.action = "echo", .parameters = {{"text", "hello\nworld"}}}).uuid;
  EXPECT_EQ(wait_for(echo, Status::done), Status::done);
  EXPECT_EQ(log_of(echo), "hello\nworld\n");
  EXPECT_EQ(found(echo).worker, "a");
  const std::string fails = enqueue({.action = "false", .retries = 1}).uuid;
  EXPECT_EQ(wait_for(fails, Status::error), Status::error);
  EXPECT_EQ(log_of(fails), "this action always fails\n");
  const auto next = again(fails);
  ASSERT_TRUE(next);
  EXPECT_EQ(wait_for(next->uuid, Status::error), Status::error);
  EXPECT_FALSE(again(next->uuid));
  const std::string throws = enqueue({.action = "throws"}).uuid;
  EXPECT_EQ(wait_for(throws, Status::error), Status::error);
  EXPECT_NE(log_of(throws).find("out of everything"), std::string::npos);
}

TEST_P(RunnerTest, ConfigsReachTheWork) {
  ASSERT_TRUE(jobs_->configs.set("echo", {{"text", "from the config"}}, actor_));
  const auto runner = this->runner("a");
  const std::string echo = enqueue({.action = "echo"}).uuid;
  EXPECT_EQ(wait_for(echo, Status::done), Status::done);
  EXPECT_EQ(log_of(echo), "from the config\n");
}

TEST_P(RunnerTest, AThreadEachAndNoMore) {
  const auto runner = this->runner("a");
  for (int i = 0; i < 5; ++i) enqueue({.action = "until_told"});
  for (int i = 0; i < 1000 && started_ < 3; ++i) std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(started_, 3);
  EXPECT_EQ(jobs_->queue.counts().value().running, 3);
  EXPECT_EQ(jobs_->queue.counts().value().waiting, 2);
}

TEST_P(RunnerTest, CancelStopsWhatRuns) {
  const auto runner = this->runner("a");
  const std::string uuid = enqueue({.action = "until_told", .retries = 3}).uuid;
  EXPECT_EQ(wait_for(uuid, Status::running), Status::running);
  ASSERT_TRUE(jobs_->queue.cancel(uuid, actor_));
  EXPECT_EQ(wait_for(uuid, Status::cancel), Status::cancel);
  EXPECT_EQ(log_of(uuid), "begun\ncanceled\n");
  EXPECT_FALSE(again(uuid));
}

TEST_P(RunnerTest, TheDeadlineStopsWhatRuns) {
  const auto runner = this->runner("a");
  const std::string uuid = enqueue({.action = "until_told", .deadline = "1s"}).uuid;
  EXPECT_EQ(wait_for(uuid, Status::done), Status::done);  // the work says that all is well
  EXPECT_EQ(log_of(uuid), "begun\nstopped after 1s\n");
}

TEST_P(RunnerTest, StopBreaksOffAndTheNextGoesOn) {
  auto runner = this->runner("a");
  const std::string uuid = enqueue({.action = "sleep", .parameters = {{"seconds", "600"}}}).uuid;
  EXPECT_EQ(wait_for(uuid, Status::running), Status::running);
  const auto begun = std::chrono::steady_clock::now();
  runner->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  EXPECT_EQ(status(uuid), Status::worker_shutdown);
  const auto next = again(uuid);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->status, Status::waiting);
  runner = this->runner("b");
  EXPECT_EQ(wait_for(next->uuid, Status::running), Status::running);
}

TEST_P(RunnerTest, SleepWakesAndOldJobsAreForgotten) {
  const auto runner = this->runner("a");
  const std::string uuid = enqueue({.action = "sleep", .parameters = {{"seconds", "0"}}}).uuid;
  EXPECT_EQ(wait_for(uuid, Status::done), Status::done);
  const std::string bad = enqueue({.action = "sleep", .parameters = {{"seconds", "x"}}}).uuid;
  EXPECT_EQ(wait_for(bad, Status::error), Status::error);
  const std::string forgets = enqueue({.action = "onlinegc_joblogs"}).uuid;
  EXPECT_EQ(wait_for(forgets, Status::done), Status::done);
  EXPECT_NE(log_of(forgets).find("jobs forgotten"), std::string::npos);
}

// Several processes share a PostgreSQL database; a SQLite file has one.
class RunnerReplicasTest : public RunnerTest {};
INSTANTIATE_TEST_SUITE_P(Engines, RunnerReplicasTest, ::testing::Values(Engine::postgres),
                         [](const auto& /*each*/) { return "postgres"; });

TEST_P(RunnerReplicasTest, TwoRunnersShareTheWork) {
  const auto other = open();
  const auto a = this->runner("a");
  const auto b = this->runner("b", other.get());
  std::vector<std::string> uuids;
  for (int i = 0; i < 6; ++i) uuids.push_back(enqueue({.action = "until_told"}).uuid);
  for (int i = 0; i < 1000 && started_ < 6; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(jobs_->queue.list({.worker = "a"}).value().size(), 3U);
  EXPECT_EQ(jobs_->queue.list({.worker = "b"}).value().size(), 3U);
  for (const std::string& uuid : uuids) ASSERT_TRUE(jobs_->queue.cancel(uuid, actor_));
  for (const std::string& uuid : uuids) {
    EXPECT_EQ(wait_for(uuid, Status::cancel), Status::cancel);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, RunnerTest, ::testing::Values(Engine::sqlite, Engine::postgres),
                         [](const auto& each) {
                           return each.param == Engine::sqlite ? "sqlite" : "postgres";
                         });

}  // namespace
}  // namespace holdfast::jobs
