#include <boost/json/parse.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "settings/store.hpp"

namespace holdfast::settings {
namespace {

using testing::HasSubstr;

boost::json::object json(std::string_view text) { return boost::json::parse(text).as_object(); }

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-settings-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(db::joined({events::migrations(), migrations()})));
  }
  ~SettingsTest() override { std::filesystem::remove_all(folder_); }
  std::vector<events::Event> events() {
    std::vector<events::Event> all;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(all, events::list(tx, 0, 100));
      return {};
    }));
    return all;
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'000'000)};
};

TEST_F(SettingsTest, DefaultsHoldUntilAFieldIsSet) {
  Values defaults;
  defaults.create_repository_on_push = true;
  Store store(*database_, clock_, defaults);
  EXPECT_EQ(store.cached(), nullptr);
  EXPECT_TRUE(store.load().value()->create_repository_on_push);
  EXPECT_TRUE(store.cached()->create_repository_on_push);
  ASSERT_TRUE(store.change(json(R"({"scanningDeadline":5})"), {}));
  EXPECT_FALSE(Store(*database_, clock_, {}).load().value()->create_repository_on_push);
  // Set to what it is: from now on it is stored, whatever the default becomes.
  ASSERT_TRUE(store.change(json(R"({"createRepositoryOnPush":true})"), {}));
  EXPECT_TRUE(Store(*database_, clock_, {}).load().value()->create_repository_on_push);
  EXPECT_EQ(Store(*database_, clock_, {}).load().value()->scanning_deadline, 5);
}

TEST_F(SettingsTest, AChangeIsThereAtOnceAndInOneEvent) {
  Store store(*database_, clock_, {});
  Store other(*database_, clock_, {});
  ASSERT_FALSE(other.load().value()->read_only_registry);
  const auto now = store.change(
      json(R"({"readOnlyRegistry":true,"noProxy":"internal","unknown":[1],"httpProxy":null,
               "reportAnalytics":false})"),
      {7, "root", "192.0.2.1", "", ""});
  EXPECT_TRUE(now.value()->read_only_registry);
  EXPECT_EQ(other.cached(), nullptr);  // heard of it
  EXPECT_EQ(other.load().value()->no_proxy, "internal");
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].type, events::Type::settings_changed);
  EXPECT_EQ(events()[0].actor.name, "root");
  EXPECT_EQ(events()[0].detail, "readOnlyRegistry,noProxy");
  ASSERT_TRUE(store.change(json(R"({"readOnlyRegistry":true})"), {}));
  EXPECT_EQ(events().size(), 1U);
  EXPECT_EQ(need_writable(*now.value()).error().code, ErrorCode::read_only);
  EXPECT_TRUE(need_writable({}));
}

TEST_F(SettingsTest, AWrongFieldIsNamedAndNothingChanges) {
  Store store(*database_, clock_, {});
  for (const auto& [field, value] : std::vector<std::pair<std::string, std::string>>{
           {"readOnlyRegistry", "1"},
           {"readOnlyRegistry", "\"true\""},
           {"jobHistoryToKeep", "-1"},
           {"jobHistoryToKeep", "1.5"},
           {"jobHistoryToKeep", "18446744073709551615"},
           {"jobHistoryToKeep", "\"5\""},
           {"jobHistoryMaxAge", "5"},
           {"jobHistoryMaxAge", "\"soon\""},
           {"noProxy", "\"a\\u0000b\""},
           {"noProxy", "[]"},
           {"httpProxy", "\"ftp://proxy\""},
           {"httpProxy", "\"http://user:secret@proxy:1\""}}) {
    const auto refused =
        store.change(json(fmt::format(R"({{"scanningEnabled":false,"{}":{}}})", field, value)), {});
    ASSERT_FALSE(refused) << field << value;
    EXPECT_EQ(refused.error().reason, kSettingInvalid);
    EXPECT_THAT(refused.error().message, HasSubstr(field));
    EXPECT_THAT(refused.error().message, Not(HasSubstr("secret")));
  }
  EXPECT_TRUE(store.load().value()->scanning_enabled);
  EXPECT_TRUE(events().empty());
}

TEST_F(SettingsTest, AStoredValueThatNoLongerFitsLeavesTheDefault) {
  ASSERT_TRUE(database_->write(db::Durability::full, [](db::Tx& tx) -> Result<void> {
    for (const auto& [name, value] :
         {std::pair{"readOnlyRegistry", "{"}, std::pair{"scanningDeadline", "\"x\""},
          std::pair{"ofTheFuture", "1"}}) {
      HF_CHECK(tx.execute("INSERT INTO settings (name, value) VALUES ($1, $2)",
                          {std::string_view(name), std::string_view(value)}));
    }
    return {};
  }));
  Store store(*database_, clock_, {});
  EXPECT_EQ(shown(*store.load().value()), shown(Values{}));
}

TEST(Durations, AreReadAsGoWritesThem) {
  using namespace std::chrono_literals;
  EXPECT_EQ(duration_of(""), 0s);
  EXPECT_EQ(duration_of("0"), 0s);
  EXPECT_EQ(duration_of("2160h0m0s"), 2160h);
  EXPECT_EQ(duration_of("1d1s"), 86401s);
  for (const char* bad : {"1", "h", "1h1", "-1h", "1.5h", "1 h", "1w", "99999999999999999999h",
                          "9999999d", "876600h876600h"}) {
    EXPECT_FALSE(duration_of(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::settings
