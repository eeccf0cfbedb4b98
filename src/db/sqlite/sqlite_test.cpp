#include "db/sqlite/sqlite.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "db/statements.hpp"
#include "db/testing/contract.hpp"

namespace holdfast::db::testing {
namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-db-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

std::unique_ptr<Database> open_fresh(std::shared_ptr<void>& keep) {
  const auto folder = std::make_shared<Folder>();
  keep = folder;
  return sqlite::open((folder->path / "test.db").string()).value();
}

INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, ::testing::Values(&open_fresh));

TEST(Sqlite, TheFileIsForItsOwnerAlone) {
  const Folder folder;
  const auto database = sqlite::open((folder.path / "test.db").string());
  ASSERT_TRUE(database);
  struct stat info{};
  ASSERT_EQ(::stat((folder.path / "test.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

// Some have a caller's ids written into them: whoever asks for page after page must not fill the
// memory.
TEST(Sqlite, StatementsThatComeOnceAreForgotten) {
  const Folder folder;
  const auto database = sqlite::open((folder.path / "test.db").string()).value();
  const Migration step{"a", "CREATE TABLE a (id {id})"};
  ASSERT_TRUE(database->migrate({&step, 1}));
  const auto ask = [&](int first, int last) {
    return database->read([&](Tx& tx) -> Result<void> {
      for (int i = first; i < last; ++i) {
        std::vector<int> ids(200);
        std::iota(ids.begin(), ids.end(), i);
        HF_TRY(const auto found,
               tx.find<std::int64_t>(
                   fmt::format("SELECT count(*) FROM a WHERE id IN ({})", fmt::join(ids, ", ")), {},
                   [](const Row& row) { return row.integer(0); }));
        EXPECT_EQ(found, 0);
      }
      return {};
    });
  };
  ASSERT_TRUE(ask(0, static_cast<int>(kStatementsAtMost)));
  const auto before = sqlite3_memory_used();
  ASSERT_TRUE(ask(10'000, 10'000 + 5 * static_cast<int>(kStatementsAtMost)));
  EXPECT_LT(sqlite3_memory_used() - before, before / 2);
  EXPECT_TRUE(ask(0, 10));
}

TEST(Sqlite, CopiesTheFileBeforeALaterMigration) {
  const Folder folder;
  const std::string path = (folder.path / "test.db").string();
  const auto database = sqlite::open(path);
  const Migration steps[] = {{"a", "CREATE TABLE a (id {id})"}, {"b", "CREATE TABLE b (id {id})"}};
  ASSERT_TRUE((*database)->migrate({steps, 1}));
  EXPECT_FALSE(std::filesystem::exists(path + ".before-2"));
  ASSERT_TRUE((*database)->migrate(steps));
  const auto copy = sqlite::open(path + ".before-2");
  ASSERT_TRUE(copy);
  EXPECT_TRUE((*copy)->migrate({steps, 1}));
}

TEST(Sqlite, SaysWhatIsWrongWithTheFile) {
  const Folder folder;
  EXPECT_EQ(sqlite::open((folder.path / "no/such/folder.db").string()).error().code,
            ErrorCode::unavailable);
  std::ofstream(folder.path / "text.db") << std::string(4096, 'x');
  EXPECT_EQ(sqlite::open((folder.path / "text.db").string()).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace holdfast::db::testing
