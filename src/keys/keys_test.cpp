#include "keys/keys.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <stdlib.h>
#include <sys/stat.h>
#include <thread>

#include "db/sqlite/sqlite.hpp"

namespace holdfast::keys {
namespace {

class Keys : public testing::Test {
 protected:
  Keys() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-keys-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(migrations()));
  }
  ~Keys() override { std::filesystem::remove_all(folder_); }
  KeyStore store() {
    return {*database_,
            load_sealer((folder_ / "secret.key").string(), IfMissing::create, random_).value(),
            clock_, random_};
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  SystemClock clock_;
  SystemRandom random_;
};

TEST_F(Keys, SecretsComeBackAndAreNotInTheFileAsTheyAre) {
  EXPECT_EQ(store().find("ca").value(), std::nullopt);
  EXPECT_EQ(store().create("ca", "very secret words").value(), "very secret words");
  EXPECT_EQ(store().create("ca", "others").value(), "very secret words");
  EXPECT_EQ(store().find("ca").value(), "very secret words");
  EXPECT_FALSE(store().replace(
      "ca", "lost", [](db::Tx&) -> Result<void> { return fail(ErrorCode::conflict, "no", "no"); }));
  EXPECT_EQ(store().find("ca").value(), "very secret words");
  EXPECT_TRUE(store().replace("ca", "new", [](db::Tx&) { return Result<void>(); }));
  EXPECT_EQ(store().find("ca").value(), "new");
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(content.find("very secret words"), std::string::npos) << entry.path();
  }
}

TEST_F(Keys, TheFirstOfManyWins) {
  std::vector<std::string> got(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] { got[i] = store().create("key", std::to_string(i)).value(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), 1U);
}

TEST_F(Keys, AnotherSealingKeyIsToldApart) {
  ASSERT_TRUE(store().create("ca", "x"));
  std::filesystem::remove(folder_ / "secret.key");
  EXPECT_EQ(store().find("ca").error().reason, crypto::kSealBroken);
}

TEST_F(Keys, TheKeyFileIsChecked) {
  const std::string path = (folder_ / "other.key").string();
  EXPECT_EQ(load_sealer(path, IfMissing::fail, random_).error().code, ErrorCode::unavailable);
  ASSERT_TRUE(load_sealer(path, IfMissing::create, random_));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(load_sealer(path, IfMissing::fail, random_).error().code, ErrorCode::denied);
  ::chmod(path.c_str(), 0600);
  std::ofstream(path) << "short";
  EXPECT_EQ(load_sealer(path, IfMissing::fail, random_).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace holdfast::keys
