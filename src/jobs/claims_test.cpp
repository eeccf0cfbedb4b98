#include "jobs/claims.hpp"

#include <set>
#include <thread>

#include "jobs/testing.hpp"

namespace holdfast::jobs {
namespace {

using testing::Engine;
using namespace std::chrono_literals;

class ClaimsTest : public testing::JobsTest {
 protected:
  std::unique_ptr<Claims> worker(const std::string& id, const std::string& incarnation,
                                 db::Database* database = nullptr) {
    return std::make_unique<Claims>(database == nullptr ? *database_ : *database, jobs_->actions,
                                    clock_, random_,
                                    ClaimOptions{.worker = id,
                                                 .incarnation = incarnation,
                                                 .address = "here",
                                                 .capacity = {{"scan", 2}},
                                                 .lease = 20s,
                                                 .retry_after = 10s});
  }
  std::string claimed(Claims& claims) {
    const auto claim = claims.claim().value();
    return claim ? claim->job.uuid : std::string();
  }
};

TEST_P(ClaimsTest, TheOldestJobIsTakenOnce) {
  const auto a = worker("a", "1");
  ASSERT_TRUE(a->beat().value());
  EXPECT_EQ(claimed(*a), "");
  const Job later = enqueue({.action = "work", .scheduled_at = clock_.now() + 1h});
  const Job first = enqueue({.action = "scan"});
  const Job second = enqueue({.action = "work"});
  EXPECT_EQ(claimed(*a), first.uuid);
  EXPECT_EQ(claimed(*a), second.uuid);
  EXPECT_EQ(claimed(*a), "");
  clock_.advance(1h);
  ASSERT_TRUE(a->beat().value());
  EXPECT_EQ(claimed(*a), later.uuid);
  EXPECT_EQ(found(later.uuid).status, Status::running);
  EXPECT_EQ(found(later.uuid).worker, "a");
  EXPECT_EQ(jobs_->queue.list({.worker = "a"}).value().size(), 3U);
  EXPECT_EQ(jobs_->queue.list({.running = true}).value().size(), 3U);
  EXPECT_EQ(jobs_->queue.remove(later.uuid, actor_).error().reason, kJobRunning);
}

TEST_P(ClaimsTest, AWorkerThatDoesNotBeatTakesNothing) {
  const auto a = worker("a", "1");
  enqueue({.action = "work"});
  EXPECT_EQ(claimed(*a), "");
  ASSERT_TRUE(a->beat().value());
  clock_.advance(21s);
  EXPECT_EQ(claimed(*a), "");
  ASSERT_TRUE(a->beat().value());
  EXPECT_NE(claimed(*a), "");
}

TEST_P(ClaimsTest, AloneMeansOnAllReplicas) {
  const auto a = worker("a", "1");
  const auto b = worker("b", "2");
  ASSERT_TRUE(a->beat().value() && b->beat().value());
  enqueue({.action = "alone"});
  enqueue({.action = "alone"});
  const auto claim = a->claim().value();
  ASSERT_TRUE(claim);
  EXPECT_EQ(claimed(*a), "");
  EXPECT_EQ(claimed(*b), "");
  ASSERT_TRUE(a->finish(claim->job, Ending::done));
  EXPECT_NE(claimed(*b), "");
}

TEST_P(ClaimsTest, CapacityIsOfTheWorker) {
  const auto a = worker("a", "1");
  ASSERT_TRUE(a->beat().value());
  for (int i = 0; i < 5; ++i) enqueue({.action = "scan"});
  EXPECT_NE(claimed(*a), "");
  EXPECT_NE(claimed(*a), "");
  EXPECT_EQ(claimed(*a), "");
  const Job other = enqueue({.action = "work"});  // is not held up
  EXPECT_EQ(claimed(*a), other.uuid);
  ASSERT_TRUE(jobs_->workers.set_capacity("a", {{"scan", 3}}, actor_));
  EXPECT_NE(claimed(*a), "");
  EXPECT_EQ(claimed(*a), "");
  // What was set outlives the process.
  const auto restarted = worker("a", "2");
  clock_.advance(21s);
  ASSERT_TRUE(restarted->beat().value());
  EXPECT_EQ(jobs_->workers.find("a").value().capacity, (CapacityMap{{"scan", 3}}));
  EXPECT_EQ(jobs_->workers.set_capacity("z", {}, actor_).error().reason, kWorkerUnknown);
}

TEST_P(ClaimsTest, AnErrorIsTriedAgainLaterAndLater) {
  const auto a = worker("a", "1");
  ASSERT_TRUE(a->beat().value());
  std::string uuid = enqueue({.action = "work", .retries = 2}).uuid;
  const std::string first = uuid;
  std::chrono::seconds wait = 10s;
  for (std::int64_t left = 2; left >= 0; --left) {
    ASSERT_TRUE(a->beat().value());
    const auto claim = a->claim().value();
    ASSERT_TRUE(claim && claim->job.uuid == uuid);
    ASSERT_TRUE(a->finish(claim->job, Ending::error));
    EXPECT_EQ(status(uuid), Status::error);
    const auto next = again(uuid);
    ASSERT_EQ(next.has_value(), left > 0);
    if (!next) break;
    EXPECT_EQ(next->retries_left, left - 1);
    EXPECT_EQ(next->retries_total, 2);
    EXPECT_EQ(next->scheduled_at, clock_.now() + wait);
    EXPECT_EQ(claimed(*a), "");
    clock_.advance(wait);
    wait *= 2;
    uuid = next->uuid;
  }
  ASSERT_EQ(jobs_->queue.failing().value().size(), 1U);
  EXPECT_EQ(jobs_->queue.failing().value()[0].count, 1);
}

TEST_P(ClaimsTest, JobsOfADeadWorkerGoOn) {
  const auto a = worker("a", "1");
  const auto b = worker("b", "2");
  ASSERT_TRUE(a->beat().value() && b->beat().value());
  const std::string uuid = enqueue({.action = "work"}).uuid;
  const std::string canceled = enqueue({.action = "scan"}).uuid;
  const auto claim = a->claim().value();
  ASSERT_TRUE(claim);
  ASSERT_NE(claimed(*a), "");
  ASSERT_TRUE(jobs_->queue.cancel(canceled, actor_));
  EXPECT_EQ(b->take_over().value(), 0);
  clock_.advance(15s);
  ASSERT_TRUE(b->beat().value());
  EXPECT_EQ(b->take_over().value(), 0);
  clock_.advance(6s);
  EXPECT_EQ(b->take_over().value(), 2);
  EXPECT_EQ(status(uuid), Status::worker_dead);
  EXPECT_EQ(status(canceled), Status::cancel);
  const auto next = again(uuid);
  ASSERT_TRUE(next);
  EXPECT_FALSE(again(canceled));
  EXPECT_EQ(claimed(*b), next->uuid);
  // The dead one comes back: what it held is not its own any more, and how it ended counts not.
  ASSERT_TRUE(a->beat().value());
  EXPECT_TRUE(a->held().value().empty());
  ASSERT_TRUE(a->finish(claim->job, Ending::done));
  EXPECT_EQ(status(uuid), Status::worker_resurrection);
  EXPECT_EQ(status(next->uuid), Status::running);
}

TEST_P(ClaimsTest, AJobThatKillsItsWorkersIsLeft) {
  std::string uuid = enqueue({.action = "work"}).uuid;
  for (int round = 0; round < 4; ++round) {
    const auto a = worker("a", std::to_string(round));
    ASSERT_TRUE(a->beat().value());
    (void)a->take_over().value();
    ASSERT_NE(claimed(*a), "") << round;
    clock_.advance(21s);
  }
  const auto last = worker("a", "last");
  ASSERT_TRUE(last->beat().value());
  EXPECT_EQ(last->take_over().value(), 1);
  EXPECT_EQ(claimed(*last), "");
  EXPECT_EQ(jobs_->queue.list({.limit = 100}).value().size(), 4U);
}

TEST_P(ClaimsTest, AStoppedWorkersJobsGoOnAtOnce) {
  const auto a = worker("a", "1");
  const auto b = worker("b", "2");
  ASSERT_TRUE(a->beat().value() && b->beat().value());
  const std::string uuid = enqueue({.action = "work"}).uuid;
  const auto claim = a->claim().value();
  ASSERT_TRUE(claim);
  ASSERT_TRUE(a->finish(claim->job, Ending::shutdown));
  ASSERT_TRUE(a->retire());
  EXPECT_EQ(status(uuid), Status::worker_shutdown);
  EXPECT_EQ(claimed(*b), again(uuid)->uuid);
  EXPECT_FALSE(jobs_->workers.find("a").value().is_alive);
  EXPECT_TRUE(jobs_->workers.find("b").value().is_alive);
  EXPECT_EQ(jobs_->workers.remove("b", false, actor_).error().reason, kWorkerAlive);
  ASSERT_TRUE(jobs_->workers.forget(1h));
  ASSERT_TRUE(jobs_->workers.remove("a", false, actor_));
  ASSERT_TRUE(jobs_->workers.remove("b", true, actor_));
  EXPECT_TRUE(jobs_->workers.list().value().empty());
  ASSERT_TRUE(b->beat().value());
  clock_.advance(2h);
  ASSERT_TRUE(jobs_->workers.forget(1h));
  EXPECT_TRUE(jobs_->workers.list().value().empty());
}

TEST_P(ClaimsTest, ASecondProcessOfOneIdWaits) {
  const auto a = worker("a", "1");
  const auto twin = worker("a", "2");
  ASSERT_TRUE(a->beat().value());
  const std::string uuid = enqueue({.action = "work"}).uuid;
  ASSERT_EQ(claimed(*a), uuid);
  if (GetParam() == Engine::sqlite) {
    // The database has no other process: the first one is dead.
    EXPECT_TRUE(twin->beat().value());
  } else {
    EXPECT_FALSE(twin->beat().value());
    enqueue({.action = "work"});
    EXPECT_EQ(claimed(*twin), "");
    EXPECT_EQ(twin->take_over().value(), 0);
    clock_.advance(21s);
    EXPECT_TRUE(twin->beat().value());
    EXPECT_FALSE(a->beat().value());
  }
  EXPECT_EQ(twin->take_over().value(), 1);
  EXPECT_EQ(status(uuid), Status::worker_dead);
}

TEST_P(ClaimsTest, CancelIsHeardAndLogsAreKept) {
  const auto a = worker("a", "1");
  ASSERT_TRUE(a->beat().value());
  const std::string uuid = enqueue({.action = "work", .retries = 5}).uuid;
  const auto claim = a->claim().value();
  ASSERT_TRUE(jobs_->queue.cancel(uuid, actor_));
  EXPECT_EQ(a->held().value().at(uuid), Status::cancel_request);
  ASSERT_TRUE(a->write_log(claim->job, {{{0, "one"}, {1, "two"}, {2, "three"}}, 0, 0}));
  ASSERT_TRUE(a->write_log(claim->job, {{{1, "cut"}, {3, "four"}}, 1, 3}));
  ASSERT_TRUE(a->finish(claim->job, Ending::canceled));
  EXPECT_EQ(status(uuid), Status::cancel);
  EXPECT_FALSE(again(uuid));
  const auto lines = jobs_->queue.logs(uuid, 1, 10).value();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].data, "cut");
  EXPECT_EQ(lines[1].number, 3);
  ASSERT_TRUE(jobs_->queue.remove(uuid, actor_));
  ASSERT_TRUE(a->write_log(claim->job, {{{4, "late"}}, 0, 0}));
  ASSERT_TRUE(a->finish(claim->job, Ending::done));
}

// Every job is run by one, and `alone` by one at a time, however many take at once.
TEST_P(ClaimsTest, NoJobIsTakenTwice) {
  constexpr int kJobs = 40;
  for (int i = 0; i < kJobs; ++i) enqueue({.action = i % 4 == 0 ? "alone" : "work"});
  std::mutex mutex;
  std::set<std::string> taken;
  std::atomic<int> alone{0};
  const auto take_all = [&](const std::string& id) {
    const auto own = GetParam() == Engine::postgres ? open() : nullptr;
    const auto claims = worker(id, id, own.get());
    ASSERT_TRUE(claims->beat().value());
    while (true) {
      const auto claim = claims->claim();
      ASSERT_TRUE(claim) << describe(claim.error());
      if (!*claim) {
        const std::lock_guard lock(mutex);
        if (taken.size() == kJobs) return;
        continue;
      }
      const Job& job = (*claim)->job;
      if (job.action == "alone") EXPECT_EQ(alone.fetch_add(1), 0);
      {
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(taken.insert(job.uuid).second);
      }
      if (job.action == "alone") alone.fetch_sub(1);
      ASSERT_TRUE(claims->finish(job, Ending::done));
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(take_all, std::to_string(i));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.size(), std::size_t{kJobs});
}

INSTANTIATE_TEST_SUITE_P(Engines, ClaimsTest, ::testing::Values(Engine::sqlite, Engine::postgres),
                         [](const auto& each) {
                           return each.param == Engine::sqlite ? "sqlite" : "postgres";
                         });

}  // namespace
}  // namespace holdfast::jobs
