#include "blob/fs/fs.hpp"

#include <fstream>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "blob/testing/contract.hpp"

namespace holdfast::blob::testing {
namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-blob-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

std::unique_ptr<Store> open_fresh(std::shared_ptr<void>& keep) {
  const auto folder = std::make_shared<Folder>();
  keep = folder;
  return fs::open(folder->path).value();
}

INSTANTIATE_TEST_SUITE_P(FileSystem, BlobContract, ::testing::Values(&open_fresh));

TEST(FileSystem, ARestartFindsBlobsAndSessionsAgain) {
  const Folder folder;
  BlobKey key;
  {
    const auto store = fs::open(folder.path).value();
    auto done = store->begin("done", oci::Algorithm::sha256).value();
    ASSERT_TRUE(done->append(bytes("done")));
    key = done->commit(digest_of("done")).value().key;
    ASSERT_TRUE(store->begin("half", oci::Algorithm::sha256).value()->append(bytes("ha")));
  }
  const auto store = fs::open(folder.path).value();
  EXPECT_EQ(store->open(key).value()->size_bytes(), 4U);
  auto half = store->resume("half", oci::Algorithm::sha256).value();
  ASSERT_TRUE(half->append(bytes("lf")));
  EXPECT_TRUE(half->commit(digest_of("half")));
  EXPECT_EQ(std::filesystem::file_size(folder.path / "blobs" / key.value), 4U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path / "uploads"));
}

TEST(FileSystem, ASessionIdIsNoPath) {
  const Folder folder;
  const auto store = fs::open(folder.path).value();
  for (const std::string_view id : {"../x", "a/b", "", ".", "..", "A", "a\n"}) {
    EXPECT_EQ(store->begin(id, oci::Algorithm::sha256).error().reason, kSessionMissing) << id;
    EXPECT_EQ(store->session_size(id).error().reason, kSessionMissing) << id;
  }
}

// A file size limit stands for the full disk: a write is cut short, then refused.
TEST(FileSystem, AFullDiskLeavesTheSessionWhereItStood) {
  const Folder folder;
  const auto store = fs::open(folder.path).value();
  auto session = store->begin("one", oci::Algorithm::sha256).value();
  ASSERT_TRUE(session->append(bytes("first")));
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto refused = session->append(bytes(std::string(5000, 'x')));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, kStorageFull);
  EXPECT_EQ(session->size_bytes(), 5U);
  EXPECT_EQ(std::filesystem::file_size(folder.path / "uploads/one"), 5U);
  ASSERT_TRUE(session->append(bytes(" second")));
  EXPECT_TRUE(session->commit(digest_of("first second")));
}

TEST(FileSystem, SaysWhichFolderItCannotUse) {
  const Folder folder;
  std::ofstream(folder.path / "blobs") << "in the way";
  const auto store = fs::open(folder.path);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::unavailable);
  EXPECT_NE(store.error().message.find(folder.path.string()), std::string::npos);
}

}  // namespace
}  // namespace holdfast::blob::testing
