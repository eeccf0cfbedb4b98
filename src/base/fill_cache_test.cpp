#include "base/fill_cache.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

TEST(FillCache, FindsWhatWasInsertedUntilItIsDropped) {
  FillCache<int> cache(1000);
  EXPECT_EQ(cache.find("a"), std::nullopt);
  cache.insert(cache.ticket("a"), "a", 1);
  EXPECT_EQ(cache.find("a"), 1);
  cache.drop("a");
  EXPECT_EQ(cache.find("a"), std::nullopt);
}

TEST(FillCache, ADropBetweenReadAndInsertVoidsTheTicket) {
  FillCache<int> cache(1000);
  const auto ticket = cache.ticket("a");  // the reader reads the old row here
  cache.drop("a");                        // the writer commits and drops
  cache.insert(ticket, "a", 1);
  EXPECT_EQ(cache.find("a"), std::nullopt);
  const auto before_clear = cache.ticket("a");
  cache.clear();
  cache.insert(before_clear, "a", 1);
  EXPECT_EQ(cache.find("a"), std::nullopt);
}

TEST(FillCache, ForgetsTheLeastRecentlyUsedAndHoldsItsBound) {
  FillCache<int> cache(1600);  // about 100 a shard
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = std::to_string(i);
    cache.insert(cache.ticket(key), key, i, 10);
    cache.insert(cache.ticket("kept"), "kept", 1, 10);
  }
  int held = 0;
  for (int i = 0; i < 10'000; ++i) held += cache.find(std::to_string(i)).has_value() ? 1 : 0;
  EXPECT_LE(held, 176);
  EXPECT_GT(held, 100);
  EXPECT_EQ(cache.find("kept"), 1);
  cache.insert(cache.ticket("huge"), "huge", 1, 1'000'000);
  EXPECT_EQ(cache.find("huge"), std::nullopt);
}

TEST(FillCache, NeverShowsAValueOlderThanTheLastDrop) {
  FillCache<int> cache(1000);
  std::atomic<int> row{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto ticket = cache.ticket("row");
        const int read = row;
        cache.insert(ticket, "row", read);
      }
    });
  }
  for (int i = 1; i <= 20'000; ++i) {
    row = i;            // COMMIT
    cache.drop("row");  // before the change is answered
    if (const auto found = cache.find("row")) ASSERT_EQ(*found, i);
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace holdfast
