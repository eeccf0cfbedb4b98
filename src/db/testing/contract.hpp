// What every database driver must do. A driver's test includes this and instantiates the suite:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, testing::Values(&open_fresh));
#pragma once

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "db/database.hpp"

namespace holdfast::db::testing {

// Gives an empty database; what it needs on disk is kept by `keep` until the test ends.
using OpenFresh = std::unique_ptr<Database> (*)(std::shared_ptr<void>& keep);

class DatabaseContract : public ::testing::TestWithParam<OpenFresh> {
 protected:
  void SetUp() override {
    database_ = GetParam()(keep_);
    const Migration first{
        "test/0001",
        "CREATE TABLE things (id {id}, name {text} NOT NULL UNIQUE, number {int} NOT NULL,"
        " content {bytes});"
        "CREATE TABLE parts (thing_id {int} NOT NULL REFERENCES things (id))"};
    const auto migrated = database_->migrate({&first, 1});
    ASSERT_TRUE(migrated) << describe(migrated.error());
  }

  Result<void> add(std::string_view name, std::int64_t number,
                   Durability durability = Durability::full) {
    return database_->write(durability, [&](Tx& tx) -> Result<void> {
      HF_CHECK(tx.execute("INSERT INTO things (name, number) VALUES ($1, $2)", {name, number}));
      return {};
    });
  }
  std::optional<std::int64_t> number_of(std::string_view name) {
    std::optional<std::int64_t> found;
    EXPECT_TRUE(database_->read([&](Tx& tx) -> Result<void> {
      HF_TRY(found, tx.find<std::int64_t>("SELECT number FROM things WHERE name = $1", {name},
                                          [](const Row& row) { return row.integer(0); }));
      return {};
    }));
    return found;
  }

  std::shared_ptr<void> keep_;
  std::unique_ptr<Database> database_;
};

TEST_P(DatabaseContract, AWriteIsSeenByTheNextReadOfAnyThread) {
  ASSERT_TRUE(add("a", 1));
  std::optional<std::int64_t> seen;
  std::thread([&] { seen = number_of("a"); }).join();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(number_of("b"), std::nullopt);
}

TEST_P(DatabaseContract, AnErrorRollsBackAndComesBackAsItIs) {
  const auto outcome = database_->write(Durability::full, [](Tx& tx) -> Result<void> {
    HF_CHECK(
        tx.execute("INSERT INTO things (name, number) VALUES ($1, $2)", {"a", std::int64_t{1}}));
    return fail(ErrorCode::quota, "mine", "no", {"x"});
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(describe(outcome.error()), "quota/mine: no (x)");
  EXPECT_EQ(number_of("a"), std::nullopt);
}

TEST_P(DatabaseContract, ViolationsHaveTheirReasons) {
  ASSERT_TRUE(add("a", 1));
  EXPECT_EQ(add("a", 2).error().reason, kUniqueViolation);
  EXPECT_EQ(number_of("a"), 1);
  const auto orphan = database_->write(Durability::full, [](Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("INSERT INTO parts (thing_id) VALUES ($1)", {std::int64_t{99}}));
    return {};
  });
  EXPECT_EQ(orphan.error().reason, kConstraint);
  const auto typo = database_->read([](Tx& tx) -> Result<void> {
    return tx.query("SELEC 1", {}, [](const Row&) { return Result<void>(); });
  });
  EXPECT_EQ(typo.error().reason, kSqlError);
}

TEST_P(DatabaseContract, ParametersGoByNumberNotByPlace) {
  ASSERT_TRUE(database_->write(Durability::full, [](Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("INSERT INTO things (number, name) VALUES ($2 + $2, $1)",
                        {"a", std::int64_t{21}}));
    return {};
  }));
  EXPECT_EQ(number_of("a"), 42);
}

TEST_P(DatabaseContract, BytesNullsAndReturning) {
  const std::string raw("\0\xff\0x", 4);
  std::int64_t first = 0;
  std::int64_t second = 0;
  ASSERT_TRUE(database_->write(Durability::full, [&](Tx& tx) -> Result<void> {
    const auto insert = [&](std::string_view name, Value content, std::int64_t& id) {
      return tx.query("INSERT INTO things (name, number, content) VALUES ($1, 0, $2) RETURNING id",
                      {name, content}, [&](const Row& row) -> Result<void> {
                        id = row.integer(0);
                        return {};
                      });
    };
    HF_CHECK(insert("a", std::as_bytes(std::span(raw)), first));
    return insert("", std::monostate{}, second);
  }));
  EXPECT_GT(second, first);
  ASSERT_TRUE(database_->read([&](Tx& tx) {
    return tx.query("SELECT name, content FROM things ORDER BY id", {},
                    [&](const Row& row) -> Result<void> {
                      if (row.text(0).empty()) {
                        EXPECT_TRUE(row.is_null(1));
                      } else {
                        EXPECT_EQ(std::string(reinterpret_cast<const char*>(row.bytes(1).data()),
                                              row.bytes(1).size()),
                                  raw);
                      }
                      return {};
                    });
  }));
}

TEST_P(DatabaseContract, TextComparesByBytes) {
  for (const std::string_view name : {"b", "a", "B", "a-", "a/", "a0", "\xc3\xa4"})
    ASSERT_TRUE(add(name, 0));
  std::string order;
  ASSERT_TRUE(database_->read([&](Tx& tx) {
    return tx.query("SELECT name FROM things WHERE name > $1 ORDER BY name", {"A"},
                    [&](const Row& row) -> Result<void> {
                      order += row.string(0) + " ";
                      return {};
                    });
  }));
  EXPECT_EQ(order, "B a a- a/ a0 b \xc3\xa4 ");
}

TEST_P(DatabaseContract, ConcurrentWritersLoseNothingAndAFailingNeighbourDisturbsNobody) {
  ASSERT_TRUE(add("counter", 0));
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto outcome = database_->write(Durability::relaxed, [&](Tx& tx) -> Result<void> {
          HF_CHECK(
              tx.execute("UPDATE things SET number = number + 1 WHERE name = $1", {"counter"}));
          if (t == 0) return fail(ErrorCode::conflict, "on_purpose", "no");
          return {};
        });
        if (!outcome) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 50);
  EXPECT_EQ(number_of("counter"), 350);
}

TEST_P(DatabaseContract, AReaderSeesOneSnapshot) {
  ASSERT_TRUE(add("a", 1));
  ASSERT_TRUE(database_->read([&](Tx& tx) -> Result<void> {
    const auto count = [&] {
      return tx.find<std::int64_t>("SELECT count(*) FROM things", {},
                                   [](const Row& row) { return row.integer(0); });
    };
    HF_TRY(const auto before, count());
    EXPECT_TRUE(add("b", 2));
    HF_TRY(const auto after, count());
    EXPECT_EQ(before, after);
    return {};
  }));
  EXPECT_EQ(number_of("b"), 2);
}

TEST_P(DatabaseContract, MigrationsRunOnceAndANewerSchemaIsRefused) {
  const Migration steps[] = {{"test/0001", "CREATE TABLE never (id {id})"},
                             {"test/0002", "CREATE TABLE more (id {id})"}};
  ASSERT_TRUE(database_->migrate(steps));
  ASSERT_TRUE(database_->migrate(steps));
  const auto older = database_->migrate({steps, 1});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().reason, kSchemaNewer);
  EXPECT_NE(older.error().message.find("test/0002"), std::string::npos);
}

}  // namespace holdfast::db::testing
