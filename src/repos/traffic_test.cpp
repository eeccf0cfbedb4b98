#include "repos/traffic.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/accounts.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "repos/repositories.hpp"

namespace holdfast::repos {
namespace {

class TrafficTest : public testing::Test {
 protected:
  TrafficTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-traffic-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(
        db::joined({events::migrations(), accounts::migrations(), migrations()})));
    accounts::Accounts accounts(*database_, clock_, random_);
    EXPECT_TRUE(accounts.create_user({"alice", "a good password"}, {}));
    repositories_ = std::make_unique<Repositories>(*database_, clock_, random_);
    traffic_ = std::make_unique<Traffic>(*database_, clock_);
  }
  ~TrafficTest() override { std::filesystem::remove_all(folder_); }

  static oci::RepositoryName app() { return oci::RepositoryName::parse("alice/app").value(); }
  std::int64_t create() { return repositories_->create(app(), {}, {})->id; }
  void happens(events::Type type, std::int64_t count = 1) {
    clock_.advance(std::chrono::seconds(1));
    events::Event event;
    event.at = clock_.now();
    event.type = type;
    event.repository = app().text();
    event.count = count;
    EXPECT_TRUE(database_->write(db::Durability::relaxed,
                                 [&](db::Tx& tx) { return events::append(tx, event); }));
  }
  TrafficCounts counted(std::int64_t id) {
    EXPECT_TRUE(traffic_->count_new());
    auto totals = traffic_->totals({&id, 1}).value();
    return totals[id];
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000)};
  SystemRandom random_;
  std::unique_ptr<Repositories> repositories_;
  std::unique_ptr<Traffic> traffic_;
};

TEST_F(TrafficTest, EachEventCountsOnce) {
  const std::int64_t id = create();
  happens(events::Type::manifest_pulled, 7);
  happens(events::Type::tag_pushed);
  happens(events::Type::manifest_pushed);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(counted(id).pulls, 7);
    EXPECT_EQ(counted(id).pushes, 1);
  }
  for (int i = 0; i < 2500; ++i) happens(events::Type::manifest_pulled);  // more than one step
  EXPECT_EQ(counted(id).pulls, 2507);
}

TEST_F(TrafficTest, IsKeptByTheHourAndByTheDay) {
  using Of = TrafficQuery::Of;
  using Step = TrafficQuery::Step;
  const std::int64_t id = create();
  const std::int64_t ns = repositories_->namespace_id("alice").value();
  const auto over_time = [&](Of of, std::int64_t of_id, Step step) {
    EXPECT_TRUE(traffic_->count_new());
    return traffic_->over_time({of, of_id, step, Timestamp{}, clock_.now()}).value();
  };
  happens(events::Type::manifest_pulled, 7);
  happens(events::Type::tag_pushed);
  clock_.advance(std::chrono::hours(1));
  happens(events::Type::manifest_pulled, 2);
  for (const auto& [of, of_id] : {std::pair(Of::repository, id), {Of::ns, ns}, {Of::all, 0}}) {
    const auto hours = over_time(of, of_id, Step::hour);
    ASSERT_EQ(hours.size(), 2U);
    EXPECT_EQ(hours[0].at, Timestamp{});
    EXPECT_EQ(hours[0].counts.pulls, 7);
    EXPECT_EQ(hours[0].counts.pushes, 1);
    EXPECT_EQ(hours[1].at, Timestamp{} + std::chrono::hours(1));
    EXPECT_EQ(hours[1].counts.pulls, 2);
    const auto days = over_time(of, of_id, Step::day);
    ASSERT_EQ(days.size(), 1U);
    EXPECT_EQ(days[0].counts.pulls, 9);
  }
  EXPECT_TRUE(over_time(Of::repository, id + 1, Step::day).empty());
  clock_.advance(kHoursKept + std::chrono::hours(2));
  ASSERT_TRUE(traffic_->forget_old());
  EXPECT_TRUE(over_time(Of::all, 0, Step::hour).empty());
  EXPECT_EQ(over_time(Of::all, 0, Step::day).size(), 1U);
  clock_.advance(kDaysKept);
  ASSERT_TRUE(traffic_->forget_old());
  EXPECT_TRUE(over_time(Of::all, 0, Step::day).empty());
}

TEST_F(TrafficTest, WhatAnEarlierOneOfTheNameHadCountsForNobody) {
  create();
  happens(events::Type::manifest_pulled, 100);
  ASSERT_TRUE(repositories_->remove(app(), {}));
  happens(events::Type::manifest_pulled, 10);  // gathered before, written behind
  clock_.advance(std::chrono::seconds(1));
  const std::int64_t second = create();
  EXPECT_EQ(counted(second).pulls, 0);
  happens(events::Type::manifest_pulled);
  EXPECT_EQ(counted(second).pulls, 1);
}

TEST_F(TrafficTest, PullsThatWereLeftOverFromBeforeTheNameWasUsedAgain) {
  create();
  // The step ends between them and the event of the new one.
  for (int i = 0; i < 998; ++i) happens(events::Type::manifest_pulled);
  ASSERT_TRUE(repositories_->remove(app(), {}));
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(counted(create()).pulls, 0);
}

}  // namespace
}  // namespace holdfast::repos
