#include "backup/backup.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <vector>

#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::backup {
namespace {

class Backups : public ::testing::Test {
 protected:
  Backups() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-backup-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    database = *db::sqlite::open((folder_ / "test.db").string());
    EXPECT_TRUE(database->migrate(db::joined({events::migrations(), migrations()})));
  }
  ~Backups() override {
    database.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<db::Database> database;

 private:
  std::filesystem::path folder_;
};

TEST_F(Backups, TheLastOneCounts) {
  const Timestamp now = SystemClock().now();
  const auto never = last(*database);
  ASSERT_TRUE(never);
  EXPECT_FALSE(never->made_at);
  EXPECT_LT(now - never->registry_made_at, std::chrono::minutes(1));
  ASSERT_TRUE(record(*database, 1000, now, {}));
  ASSERT_TRUE(record(*database, 2000, now + std::chrono::hours(1), {}));
  EXPECT_EQ(last(*database)->made_at, from_micros(to_micros(now + std::chrono::hours(1))));

  std::vector<events::Event> told;
  ASSERT_TRUE(database->read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(told, events::list(tx, 0, 10));
    return {};
  }));
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told.front().type, events::Type::backup_created);
  EXPECT_EQ(told.back().detail, "2000 bytes");
}

}  // namespace
}  // namespace holdfast::backup
