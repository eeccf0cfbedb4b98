#include "uploads/uploads.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "accounts/accounts.hpp"
#include "blob/digesting.hpp"
#include "blob/fs/fs.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"

namespace holdfast::uploads {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

oci::Digest digest_of(std::string_view text) {
  blob::Digesting digesting(oci::Algorithm::sha256);
  digesting.update(bytes(text));
  return digesting.digest();
}

// A server's data folder, opened anew for every "restart".
struct Server {
  explicit Server(const std::filesystem::path& folder)
      : database(db::sqlite::open((folder / "test.db").string()).value()),
        blobs(blob::fs::open(folder).value()) {
    const auto all = db::joined(
        {events::migrations(), accounts::migrations(), repos::migrations(), migrations()});
    EXPECT_TRUE(database->migrate(all));
  }
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<blob::Store> blobs;
  repos::Repositories repositories{*database, clock, random};
  repos::Content content{*database, clock, {}};
  Uploads uploads{*database, *blobs, clock, random};
};

class UploadsTest : public testing::Test {
 protected:
  UploadsTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-uploads-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    restart();
    accounts::Accounts accounts(*server_->database, server_->clock, server_->random);
    EXPECT_TRUE(accounts.create_user({"alice", "a good password"}, {}));
    app_ = create("alice/app");
    other_ = create("alice/other");
  }
  ~UploadsTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  void restart() {
    server_.reset();
    server_ = std::make_unique<Server>(folder_);
  }
  std::shared_ptr<const repos::Repository> create(std::string_view name) {
    return std::make_shared<const repos::Repository>(
        server_->repositories.create(oci::RepositoryName::parse(name).value(), {}, {}).value());
  }
  Uploads& uploads() { return server_->uploads; }
  std::size_t files(const std::string& below) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / below)) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<const repos::Repository> app_, other_;
  events::Actor actor_{1, "alice", "", "", ""};
};

TEST_F(UploadsTest, AnUploadSurvivesARestartAndBecomesABlob) {
  std::string id;
  {
    auto upload = uploads().begin(*app_, oci::Algorithm::sha256, actor_).value();
    id = upload.id();
    ASSERT_TRUE(upload.append(bytes("half ")));
  }
  restart();
  EXPECT_EQ(uploads().size(*app_, id).value(), 5U);
  auto upload = uploads().open(*app_, id).value();
  EXPECT_EQ(upload.expect_at(4).error().reason, kRangeInvalid);
  EXPECT_EQ(upload.expect_at(6).error().code, ErrorCode::out_of_range);
  ASSERT_TRUE(upload.expect_at(5));
  ASSERT_TRUE(upload.append(bytes("whole")));
  ASSERT_TRUE(uploads().finish(std::move(upload), *app_, digest_of("half whole")));
  EXPECT_EQ(server_->content.blob(app_->id, digest_of("half whole")).value()->size_bytes, 10U);
  EXPECT_EQ(uploads().size(*app_, id).error().reason, kUploadUnknown);
  restart();
  EXPECT_TRUE(server_->content.blob(app_->id, digest_of("half whole")));
  EXPECT_EQ(files("blobs"), 1U);
  EXPECT_EQ(files("uploads"), 0U);
}

TEST_F(UploadsTest, BelongsToOneRepositoryAndOneWriter) {
  auto upload = uploads().begin(*app_, oci::Algorithm::sha256, actor_).value();
  EXPECT_EQ(uploads().open(*other_, upload.id()).error().reason, kUploadUnknown);
  EXPECT_EQ(uploads().open(*app_, upload.id()).error().reason, kUploadBusy);
  EXPECT_EQ(uploads().cancel(*app_, upload.id()).error().reason, kUploadBusy);
  EXPECT_EQ(uploads().open(*app_, "../../test.db").error().reason, kUploadUnknown);
}

TEST_F(UploadsTest, AWrongDigestKeepsItUsable) {
  auto upload = uploads().begin(*app_, oci::Algorithm::sha256, actor_).value();
  const std::string id = upload.id();
  ASSERT_TRUE(upload.append(bytes("text")));
  EXPECT_EQ(uploads().finish(std::move(upload), *app_, digest_of("other")).error().reason,
            blob::kDigestMismatch);
  EXPECT_EQ(server_->content.blob(app_->id, digest_of("text")).error().reason, repos::kBlobUnknown);
  EXPECT_TRUE(uploads().finish(uploads().open(*app_, id).value(), *app_, digest_of("text")));
}

TEST_F(UploadsTest, TheSameDigestTwiceKeepsOneFile) {
  for (const auto& repository : {app_, other_}) {
    auto upload = uploads().begin(*repository, oci::Algorithm::sha256, actor_).value();
    ASSERT_TRUE(upload.append(bytes("same")));
    ASSERT_TRUE(uploads().finish(std::move(upload), *repository, digest_of("same")));
    EXPECT_TRUE(server_->content.blob(repository->id, digest_of("same")));
  }
  EXPECT_EQ(files("blobs"), 1U);
}

TEST_F(UploadsTest, CancelledAndOrphanedUploadsLeaveNothing) {
  auto upload = uploads().begin(*app_, oci::Algorithm::sha256, actor_).value();
  const std::string id = upload.id();
  {
    const Upload closed = std::move(upload);
  }
  ASSERT_TRUE(uploads().cancel(*app_, id));
  EXPECT_EQ(uploads().cancel(*app_, id).error().reason, kUploadUnknown);
  EXPECT_EQ(files("uploads"), 0U);
  ASSERT_TRUE(server_->repositories.remove(app_->name, actor_));
  EXPECT_EQ(uploads().begin(*app_, oci::Algorithm::sha256, actor_).error().reason,
            repos::kRepositoryUnknown);
  EXPECT_EQ(files("uploads"), 0U);
}

TEST_F(UploadsTest, ARepositoryDeletedMeanwhileLeavesNoFile) {
  auto upload = uploads().begin(*app_, oci::Algorithm::sha256, actor_).value();
  ASSERT_TRUE(upload.append(bytes("text")));
  ASSERT_TRUE(server_->repositories.remove(app_->name, actor_));
  EXPECT_EQ(uploads().finish(std::move(upload), *app_, digest_of("text")).error().reason,
            repos::kRepositoryUnknown);
  EXPECT_EQ(files("blobs"), 0U);
}

TEST_F(UploadsTest, ExpiryTakesTheOldAndSparesTheOpen) {
  std::string id;
  {
    const auto left = uploads().begin(*app_, oci::Algorithm::sha256, actor_).value();
    id = left.id();
  }
  const auto open = uploads().begin(*app_, oci::Algorithm::sha256, actor_).value();
  std::ofstream(folder_ / "uploads/orphan") << "bytes without a row";
  EXPECT_EQ(uploads().expire(std::chrono::hours(1)).value(), 0);
  EXPECT_EQ(uploads().expire(std::chrono::seconds(-60)).value(), 2);
  EXPECT_EQ(uploads().size(*app_, id).error().reason, kUploadUnknown);
  EXPECT_EQ(uploads().size(*app_, open.id()).value(), 0U);
}

}  // namespace
}  // namespace holdfast::uploads
