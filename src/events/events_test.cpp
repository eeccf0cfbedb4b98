#include "events/events.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "db/sqlite/sqlite.hpp"
#include "events/feed.hpp"

namespace holdfast::events {
namespace {

class Events : public testing::Test {
 protected:
  Events() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-events-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
  }
  ~Events() override { std::filesystem::remove_all(folder_); }
  std::vector<Event> all() {
    std::vector<Event> events;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(events, list(tx, 0, 100'000));
      return {};
    }));
    return events;
  }
  static Event pull(const std::string& repository, const std::string& address) {
    Event event;
    event.type = Type::manifest_pulled;
    event.repository = repository;
    event.actor.address = address;
    return event;
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000)};
};

TEST_F(Events, AnEventLivesAndDiesWithItsTransaction) {
  ASSERT_TRUE(database_->migrate(migrations()));
  Event event;
  event.at = clock_.now();
  event.type = Type::repository_deleted;
  event.actor = {7, "alice", "192.0.2.1", std::string(1000, 'c'), "request"};
  event.repository = "alice/app";
  EXPECT_FALSE(database_->write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(append(tx, event));
    return fail(ErrorCode::conflict, "no", "no");
  }));
  EXPECT_TRUE(all().empty());
  EXPECT_TRUE(
      database_->write(db::Durability::full, [&](db::Tx& tx) { return append(tx, event); }));
  ASSERT_EQ(all().size(), 1U);
  const Event back = all().front();
  EXPECT_EQ(back.type, Type::repository_deleted);
  EXPECT_EQ(back.actor.name, "alice");
  EXPECT_EQ(back.actor.client.size(), 256U);
  EXPECT_EQ(back.at, event.at);
  EXPECT_EQ(back.repository, "alice/app");
}

TEST_F(Events, PullsAreGatheredPerKey) {
  ASSERT_TRUE(database_->migrate(migrations()));
  Counted counted(*database_, clock_);
  for (int i = 0; i < 100; ++i) counted.record(pull(i % 2 == 0 ? "a/a" : "b/b", "192.0.2.1"));
  EXPECT_TRUE(all().empty());
  ASSERT_TRUE(counted.flush());
  ASSERT_TRUE(counted.flush());
  ASSERT_EQ(all().size(), 2U);
  EXPECT_EQ(all()[0].count, 50);
  EXPECT_EQ(all()[0].at, clock_.now());
}

TEST_F(Events, MemoryIsBoundedAndNoPullIsLost) {
  ASSERT_TRUE(database_->migrate(migrations()));
  Counted counted(*database_, clock_, 10);
  for (int i = 0; i < 1000; ++i) counted.record(pull("a/" + std::to_string(i), std::to_string(i)));
  ASSERT_TRUE(counted.flush());
  EXPECT_LE(all().size(), 21U);
  std::int64_t sum = 0;
  for (const Event& event : all()) sum += event.count;
  EXPECT_EQ(sum, 1000);
}

TEST_F(Events, ADatabaseThatFailsKeepsThemForTheNextFlush) {
  Counted counted(*database_, clock_);
  counted.record(pull("a/a", "192.0.2.1"));
  EXPECT_FALSE(counted.flush());  // no table
  counted.record(pull("a/a", "192.0.2.1"));
  ASSERT_TRUE(database_->migrate(migrations()));
  ASSERT_TRUE(counted.flush());
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].count, 2);
}

TEST_F(Events, AFeedHasEachNewEventOnce) {
  ASSERT_TRUE(database_->migrate(migrations()));
  const auto append = [&](const char* name) {
    Event event;
    event.at = clock_.now();
    event.object = name;
    ASSERT_TRUE(database_->write(db::Durability::relaxed,
                                 [&](db::Tx& tx) { return events::append(tx, event); }));
  };
  append("before");
  Feed feed(*database_, clock_, 3);
  ASSERT_TRUE(feed.poll());
  const std::uint64_t start = feed.end();
  for (const char* name : {"one", "two", "three"}) append(name);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(feed.poll());
  const auto batch = feed.from(start, 2);
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->events.size(), 2U);
  EXPECT_EQ(batch->events[0]->object, "one");
  EXPECT_EQ(feed.from(batch->next, 2)->events.at(0)->object, "three");
  EXPECT_TRUE(feed.from(feed.end(), 2)->events.empty());
  append("four");
  ASSERT_TRUE(feed.poll());
  EXPECT_FALSE(feed.from(start, 2)) << "the first was forgotten";
}

}  // namespace
}  // namespace holdfast::events
