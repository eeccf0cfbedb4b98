#include "events/history.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "db/postgres/postgres.hpp"
#include "db/sqlite/sqlite.hpp"
#include "db/testing/postgres_cluster.hpp"

namespace holdfast::events {
namespace {

using namespace std::chrono_literals;

enum class Engine { sqlite, postgres };

// Every test on both engines: the statements are merges that each plans in its own way.
class History : public testing::TestWithParam<Engine> {
 protected:
  History() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-history-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = open();
    EXPECT_TRUE(database_->migrate(migrations()));
  }
  ~History() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<db::Database> open() {
    if (GetParam() == Engine::sqlite) {
      return db::sqlite::open((folder_ / "test.db").string()).value();
    }
    static db::testing::PostgresCluster cluster;
    return db::postgres::open({.url = cluster.create_database(), .connections = 4, .deadline = 10s})
        .value();
  }

  // One event a second.
  void add(Type type, const std::string& repository, std::int64_t actor) {
    Event event;
    event.at = clock_.now();
    event.type = type;
    event.repository = repository;
    event.actor.account_id = actor;
    EXPECT_TRUE(
        database_->write(db::Durability::full, [&](db::Tx& tx) { return append(tx, event); }));
    clock_.advance(1s);
  }
  // 100 pulls and 20 pushes, taking turns among two repositories and actors 1 to 5.
  void add_many() {
    for (int i = 0; i < 120; ++i) {
      add(i % 6 == 0 ? Type::tag_pushed : Type::manifest_pulled, i % 2 == 0 ? "a/a" : "b/b",
          1 + i % 5);
    }
  }
  Page read(const Filter& filter, const std::optional<Place>& start = {}, std::int64_t limit = 10) {
    return newest(*database_, filter, start, limit).value();
  }
  // All pages one after the other.
  std::vector<std::int64_t> ids(const Filter& filter, std::int64_t limit) {
    std::vector<std::int64_t> found;
    std::optional<Place> start;
    do {
      const Page page = read(filter, start, limit);
      EXPECT_LE(page.events.size(), static_cast<std::size_t>(limit));
      for (const Event& event : page.events) found.push_back(event.id);
      start = page.next;
    } while (start);
    return found;
  }
  std::int64_t how_many(const Filter& filter) {
    return static_cast<std::int64_t>(read(filter, {}, 10'000).events.size());
  }
  static std::vector<Type> all() { return {types().begin(), types().end()}; }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000'000'000)};
};

INSTANTIATE_TEST_SUITE_P(Engines, History, testing::Values(Engine::sqlite, Engine::postgres),
                         [](const auto& info) {
                           return info.param == Engine::sqlite ? "sqlite" : "postgres";
                         });

TEST_P(History, IsReadFromTheNewestOnPageByPage) {
  add_many();
  std::vector<std::int64_t> expected;
  for (std::int64_t id = 120; id > 0; --id) expected.push_back(id);
  for (const std::int64_t limit : {1, 7, 119, 120, 121}) EXPECT_EQ(ids({all()}, limit), expected);
  EXPECT_TRUE(ids({}, 10).empty());
}

TEST_P(History, FiltersByEverythingThatHasAnIndex) {
  add_many();
  EXPECT_EQ(how_many({{Type::tag_pushed}}), 20);
  EXPECT_EQ(how_many({{Type::manifest_pulled, Type::tag_deleted}}), 100);
  EXPECT_EQ(how_many({.types = all(), .repository = "b/b"}), 60);
  EXPECT_EQ(how_many({.types = {Type::tag_pushed}, .repository = "b/b"}), 0);
  EXPECT_EQ(how_many({.types = all(), .actor_id = 3}), 24);
  EXPECT_EQ(how_many({.types = {Type::tag_pushed}, .actor_id = 3}), 4);
  EXPECT_EQ(how_many({.types = all(), .repository = "a/a", .actor_id = 3}), 12);
  EXPECT_EQ(how_many({.types = all(), .repository = "a/a' OR 'a'='a"}), 0);
  EXPECT_EQ(ids({.types = all(), .repository = "a/a", .actor_id = 3}, 5).size(), 12U);
}

TEST_P(History, FiltersByTime) {
  add_many();
  const Timestamp begin = from_micros(1'000'000'000'000);
  EXPECT_EQ(how_many({.types = all(), .after = begin + 10s}), 109);
  EXPECT_EQ(how_many({.types = all(), .before = begin + 10s}), 10);
  EXPECT_EQ(how_many({.types = all(), .after = begin + 10s, .before = begin + 12s}), 1);
  EXPECT_EQ(how_many({.types = all(), .after = begin + 10s, .before = begin}), 0);
  EXPECT_EQ(ids({.types = all(), .before = begin + 10s}, 3).front(), 10);
  // A start behind the bound does not lift it.
  EXPECT_EQ(read({.types = all(), .before = begin + 10s}, Place{begin + 50s, 50}).events[0].id, 10);
}

TEST_P(History, EventsOfOneMomentAreAllThere) {
  std::vector<std::int64_t> expected;
  for (int i = 0; i < 9; ++i) {
    add(i % 2 == 0 ? Type::tag_pushed : Type::manifest_pushed, "a/a", 1);
    clock_.advance(-1s);
    expected.insert(expected.begin(), i + 1);
  }
  EXPECT_EQ(ids({all()}, 2), expected);
  EXPECT_EQ(ids({.types = all(), .also = [](const Event&) { return true; }}, 2), expected);
}

TEST_P(History, ATestInMemoryIsBoundedAndLosesNothing) {
  add_many();
  std::int64_t tested = 0;
  Filter filter{.types = all(), .also = [&](const Event& event) {
                  ++tested;
                  return event.id == 1;
                }};
  EXPECT_EQ(ids(filter, 10), std::vector<std::int64_t>{1});
  EXPECT_EQ(tested, 120);
}

TEST_P(History, OfAScopeIsTheActorsAndTheNamespaces) {
  add_many();
  add(Type::tag_pushed, "c/c", 9);
  add(Type::tag_deleted, "a/a", 9);
  const auto expected = [&](const std::function<bool(const Event&)>& wanted) {
    return ids({.types = all(), .also = wanted}, 1000);
  };
  const Filter mine{.types = all(),
                    .scope = Scope{.actor_id = 3, .namespaces = {"a", "c", "none"}}};
  const auto is_mine = [](const Event& event) {
    return event.actor.account_id == 3 || event.repository != "b/b";
  };
  EXPECT_EQ(ids(mine, 7), expected(is_mine));
  EXPECT_EQ(ids(mine, 1000).size(), 74U);
  Filter pushes = mine;
  pushes.types = {Type::tag_pushed};
  EXPECT_EQ(ids(pushes, 3), expected([&](const Event& event) {
              return is_mine(event) && event.type == Type::tag_pushed;
            }));
  Filter none{.types = all(), .scope = Scope{.actor_id = 77}};
  EXPECT_TRUE(read(none).events.empty());
  EXPECT_FALSE(read(none).next);
}

TEST_P(History, PlacesAreReadAsTheyWereWritten) {
  const Place place{from_micros(1'000'000'000'123), 42};
  EXPECT_EQ(text(place), "1000000000123-42");
  EXPECT_EQ(parse_place("1000000000123-42")->at, place.at);
  EXPECT_EQ(parse_place("1000000000123-42")->id, 42);
  for (const char* bad : {"", "-", "1", "1-", "-1-2", "1--2", "1-2x", "x-2", "1 -2",
                          "99999999999999999999-1", "1-99999999999999999999"}) {
    EXPECT_FALSE(parse_place(bad)) << bad;
  }
  // Far beyond everything there is.
  add_many();
  EXPECT_EQ(read({all()}, parse_place("9223372036854775807-9223372036854775807")).events[0].id,
            120);
  EXPECT_TRUE(read({all()}, parse_place("0-0")).events.empty());
}

TEST_P(History, IsCountedUpToABound) {
  add_many();
  EXPECT_EQ(count(*database_, {all()}, 1000).value(), 120);
  EXPECT_EQ(count(*database_, {all()}, 50).value(), 50);
  EXPECT_EQ(count(*database_, {.types = all(), .actor_id = 3}, 1000).value(), 24);
  EXPECT_EQ(count(*database_, {}, 1000).value(), 0);
  EXPECT_EQ(count(*database_, {.types = all(), .repository = "a/a", .actor_id = 3}, 1000).value(),
            std::nullopt);
}

TEST_P(History, ForgetsWhatIsTooOldOrTooMuch) {
  for (int i = 0; i < 3; ++i) add_many();
  EXPECT_EQ(trim(*database_, {}, clock_.now(), 10'000).value(), 0);
  // Pulls and the rest are counted apart.
  EXPECT_EQ(trim(*database_, {.keep = 50}, clock_.now(), 10'000).value(), 250 + 10);
  EXPECT_EQ(how_many({{Type::manifest_pulled}}), 50);
  EXPECT_EQ(how_many({{Type::tag_pushed}}), 50);
  EXPECT_EQ(read({all()}).events[0].id, 360);
  EXPECT_EQ(trim(*database_, {.keep = 50}, clock_.now(), 10'000).value(), 0);
  EXPECT_EQ(trim(*database_, {.max_age = 12s, .keep = 50}, clock_.now(), 10'000).value(), 88);
  EXPECT_EQ(how_many({all()}), 12);
}

TEST_P(History, ForgetsInSmallSteps) {
  for (int i = 0; i < 5; ++i) add_many();
  const Retention nothing{.max_age = 1us};
  clock_.advance(1s);
  EXPECT_EQ(trim(*database_, nothing, clock_.now(), 300).value(), 500);  // two steps of 250
  EXPECT_EQ(trim(*database_, nothing, clock_.now(), 300).value(), 100);
  EXPECT_EQ(trim(*database_, nothing, clock_.now(), 300).value(), 0);
}

}  // namespace
}  // namespace holdfast::events
