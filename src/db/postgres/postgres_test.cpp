#include "db/postgres/postgres.hpp"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "db/copy.hpp"
#include "db/sqlite/sqlite.hpp"
#include "db/statements.hpp"
#include "db/testing/contract.hpp"
#include "db/testing/postgres_cluster.hpp"

namespace holdfast::db::testing {
namespace {

using namespace std::chrono_literals;

// One cluster for all tests of this program, a database for each.
PostgresCluster& cluster() {
  static PostgresCluster one;
  return one;
}

std::unique_ptr<Database> open(const std::string& url) {
  return postgres::open({.url = url, .connections = 8, .deadline = 10s}).value();
}

std::unique_ptr<Database> open_fresh(std::shared_ptr<void>& /*keep*/) {
  return open(cluster().create_database());
}

INSTANTIATE_TEST_SUITE_P(Postgres, DatabaseContract, ::testing::Values(&open_fresh));

constexpr Migration kSchema{"test/0001",
                            "CREATE TABLE things (id {id}, name {text} NOT NULL, content {bytes});"
                            "CREATE TABLE parts (thing_id {int} REFERENCES things (id), "
                            "number {int})"};

// Waits for what other threads bring about.
bool soon(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

Result<void> count_up(Database& database) {
  return database.write(Durability::full, [](Tx& tx) -> Result<void> {
    HF_TRY(const auto number,
           tx.find<std::int64_t>("SELECT number FROM parts WHERE thing_id IS NULL", {},
                                 [](const Row& row) { return row.integer(0); }));
    HF_CHECK(tx.execute("UPDATE parts SET number = $1 WHERE thing_id IS NULL", {*number + 1}));
    return {};
  });
}

TEST(Postgres, WhatWasReadBeforeAWriteStillHoldsAtItsCommit) {
  const std::string url = cluster().create_database();
  const auto one = open(url);
  const auto two = open(url);
  ASSERT_TRUE(one->migrate({&kSchema, 1}));
  ASSERT_TRUE(two->migrate({&kSchema, 1}));
  ASSERT_TRUE(one->write(Durability::full, [](Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("INSERT INTO parts (number) VALUES (0)", {}));
    return {};
  }));
  std::vector<std::thread> threads;
  for (Database* database : {one.get(), two.get(), one.get(), two.get()}) {
    threads.emplace_back([database] {
      for (int i = 0; i < 25; ++i) {
        const auto counted = count_up(*database);
        EXPECT_TRUE(counted) << describe(counted.error());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::int64_t number = 0;
  ASSERT_TRUE(one->read([&](Tx& tx) {
    return tx.query("SELECT number FROM parts", {}, [&](const Row& row) -> Result<void> {
      number = row.integer(0);
      return {};
    });
  }));
  EXPECT_EQ(number, 100);
}

TEST(Postgres, StatementsThatComeOnceAreForgotten) {
  const auto database = open(cluster().create_database());
  const auto number = [](const Row& row) { return row.integer(0); };
  const auto outcome = database->read([&](Tx& tx) -> Result<void> {
    for (int round = 0; round < 2; ++round) {
      for (std::int64_t i = 0; i < 3 * static_cast<std::int64_t>(kStatementsAtMost); ++i) {
        HF_TRY(const auto found,
               tx.find<std::int64_t>(fmt::format("SELECT CAST({} AS BIGINT)", i), {}, number));
        EXPECT_EQ(found, i);
      }
    }
    HF_TRY(const auto kept,
           tx.find<std::int64_t>("SELECT count(*) FROM pg_prepared_statements", {}, number));
    EXPECT_LE(kept, static_cast<std::int64_t>(kStatementsAtMost));
    return {};
  });
  EXPECT_TRUE(outcome) << describe(outcome.error());
}

TEST(Postgres, OtherReplicasHearOfChanges) {
  const std::string url = cluster().create_database();
  const auto one = open(url);
  const auto two = open(url);
  std::mutex mutex;
  std::vector<std::string> heard;
  const auto subscription = two->subscribe("account", [&](std::string_view key) {
    const std::lock_guard lock(mutex);
    heard.emplace_back(key);
  });
  const auto has = [&](std::string_view key) {
    const std::lock_guard lock(mutex);
    return std::ranges::find(heard, key) != heard.end();
  };
  const auto change = [&](std::string_view topic, std::string_view key, bool fails) {
    return one->write(Durability::full, [&](Tx& tx) -> Result<void> {
      tx.changed(topic, key);
      if (fails) return fail(ErrorCode::conflict, "mine", "no");
      return {};
    });
  };
  EXPECT_TRUE(soon([&] { return has(""); }));  // it listens from now on
  EXPECT_FALSE(change("account", "rolled back", true));
  EXPECT_TRUE(change("other", "another topic", false));
  EXPECT_TRUE(change("account", "7/with a slash", false));
  EXPECT_TRUE(soon([&] { return has("7/with a slash"); }));
  EXPECT_FALSE(has("rolled back"));
  EXPECT_FALSE(has("another topic"));
}

TEST(Postgres, ARestartOfTheDatabaseIsGotOver) {
  PostgresCluster own;
  const auto database = open(own.create_database());
  std::atomic<int> everything{0};
  const auto subscription = database->subscribe("account", [&](std::string_view key) {
    if (key.empty()) ++everything;
  });
  ASSERT_TRUE(database->migrate({&kSchema, 1}));
  EXPECT_TRUE(soon([&] { return everything > 0; }));
  own.stop();
  EXPECT_EQ(database->ping().error().reason, kDatabaseUnavailable);
  // Who cannot hear takes everything for changed.
  const int before = everything;
  EXPECT_TRUE(soon([&] { return everything >= before + 3; }));
  own.start();
  EXPECT_TRUE(database->ping());
  EXPECT_TRUE(database->write(Durability::full, [](Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("INSERT INTO things (name) VALUES ($1)", {"a"}));
    return {};
  }));
}

TEST(Postgres, AStatementHasADeadline) {
  const std::string url = cluster().create_database();
  const auto database = postgres::open({.url = url, .connections = 1, .deadline = 200ms}).value();
  const auto slow = database->read([](Tx& tx) {
    return tx.query("SELECT 1 FROM pg_sleep(5)", {}, [](const Row&) { return Result<void>(); });
  });
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().reason, kDatabaseUnavailable);
  EXPECT_TRUE(database->ping());
}

TEST(Postgres, SaysWhyItCannotBeUsed) {
  const auto none = postgres::open({.url = "postgresql://x@/y?host=/nowhere"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::unavailable);
  EXPECT_THAT(none.error().message, ::testing::HasSubstr("/nowhere"));
  const auto database = open(cluster().create_database());
  ASSERT_TRUE(database->migrate({&kSchema, 1}));
  const auto text = database->write(Durability::full, [](Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("INSERT INTO things (name) VALUES ($1)", {"\xff"}));
    return {};
  });
  EXPECT_EQ(text.error().reason, kTextInvalid);
}

TEST(Postgres, AFailedStatementCannotBeCommitted) {
  const auto database = open(cluster().create_database());
  const auto outcome = database->write(Durability::full, [](Tx& tx) -> Result<void> {
    (void)tx.execute("INSERT INTO nowhere VALUES (1)", {});
    return {};
  });
  EXPECT_EQ(outcome.error().reason, kDatabaseUnavailable);
}

class Copy : public ::testing::Test {
 protected:
  Copy() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-copy-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~Copy() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<Database> sqlite(const std::string& name) {
    auto database = sqlite::open((folder_ / name).string()).value();
    EXPECT_TRUE(database->migrate({&kSchema, 1}));
    return database;
  }
  static Result<void> fill(Database& database) {
    return database.write(Durability::full, [](Tx& tx) -> Result<void> {
      const std::string raw("\0\xff", 2);
      HF_CHECK(
          tx.execute("INSERT INTO things (name, content) VALUES ($1, $2), ($3, NULL), ('', $2)",
                     {"a", std::as_bytes(std::span(raw)), "\xc3\xa4"}));
      HF_CHECK(tx.execute("INSERT INTO parts (thing_id, number) SELECT id, -1 FROM things", {}));
      HF_CHECK(tx.execute("DELETE FROM parts WHERE thing_id = 3", {}));
      HF_CHECK(tx.execute("DELETE FROM things WHERE id = 3", {}));
      HF_CHECK(tx.execute("INSERT INTO parts (number) VALUES ($1)",
                          {std::numeric_limits<std::int64_t>::min()}));
      return {};
    });
  }
  static Result<std::int64_t> add(Database& database) {
    std::int64_t id = 0;
    HF_CHECK(database.write(Durability::full, [&](Tx& tx) {
      return tx.query("INSERT INTO things (name) VALUES ('new') RETURNING id", {},
                      [&](const Row& row) -> Result<void> {
                        id = row.integer(0);
                        return {};
                      });
    }));
    return id;
  }
  std::filesystem::path folder_;
};

TEST_F(Copy, ThereAndBack) {
  const auto source = sqlite("source.db");
  ASSERT_TRUE(fill(*source));
  const auto target = open(cluster().create_database());
  ASSERT_TRUE(target->migrate({&kSchema, 1}));
  std::string seen;
  const auto progress = [&](std::string_view table, std::uint64_t rows) {
    seen += std::string(table) + " " + std::to_string(rows) + ";";
  };
  const auto there = copy(*source, *target, progress);
  ASSERT_TRUE(there) << describe(there.error());
  EXPECT_EQ(seen, "things 2;parts 3;");
  const auto back = sqlite("back.db");
  const auto again = copy(*target, *back, progress);
  ASSERT_TRUE(again) << describe(again.error());
  // The id of the row that was deleted is not given out again, wherever the rows went.
  EXPECT_EQ(add(*target).value(), 4);
  EXPECT_EQ(add(*back).value(), 4);
}

TEST_F(Copy, RefusesATargetThatIsInUseOrOfAnotherSchema) {
  const auto source = sqlite("source.db");
  ASSERT_TRUE(fill(*source));
  const auto progress = [](std::string_view, std::uint64_t) {};
  const auto used = sqlite("used.db");
  ASSERT_TRUE(add(*used));
  EXPECT_EQ(copy(*source, *used, progress).error().reason, kCopyTargetInUse);
  const auto empty = open(cluster().create_database());
  EXPECT_EQ(copy(*source, *empty, progress).error().reason, kCopySchema);
}

}  // namespace
}  // namespace holdfast::db::testing
