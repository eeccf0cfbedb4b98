#include "blob/fs/fs.hpp"

#include <fstream>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <thread>

#include "blob/buffer.hpp"
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

// Aligned pieces go past the page cache, the rest by it: in whatever order, the bytes are the same.
TEST(FileSystem, LargePiecesSmallPiecesAndTailsMakeOneBlob) {
  const Folder folder;
  const auto store = fs::open(folder.path).value();
  Buffer buffer(1024UZ * 1024);
  std::string all;
  auto session = store->begin("mixed", oci::Algorithm::sha256).value();
  for (const std::size_t piece :
       {256UZ * 1024, 1024UZ * 1024, 4096UZ, 512UZ * 1024, 100UZ, 512UZ * 1024, 1UZ}) {
    for (std::size_t i = 0; i < piece; ++i) {
      buffer.span()[i] = static_cast<std::byte>((all.size() + i * 7) % 251);
    }
    const auto part = buffer.span().first(piece);
    ASSERT_TRUE(session->append(part));
    all.append(reinterpret_cast<const char*>(part.data()), part.size());
    if (piece == 4096) {  // another request goes on with the hash that waits in memory
      session.reset();
      session = store->resume("mixed", oci::Algorithm::sha256).value();
      EXPECT_EQ(session->size_bytes(), all.size());
    }
  }
  const auto done = session->commit(digest_of(all));
  ASSERT_TRUE(done) << describe(done.error());
  EXPECT_EQ(read_all(*store->open(done->key).value()), all);
}

TEST(FileSystem, ManyLargeUploadsAtOnce) {
  const Folder folder;
  const auto store = fs::open(folder.path).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Buffer buffer(256UZ * 1024);
      std::ranges::fill(buffer.span(), static_cast<std::byte>(t));
      auto session = store->begin("s" + std::to_string(t), oci::Algorithm::sha256).value();
      for (int i = 0; i < 8; ++i) ASSERT_TRUE(session->append(buffer.span()));
      EXPECT_TRUE(session->commit(digest_of(std::string(8 * buffer.size(), static_cast<char>(t)))));
    });
  }
  for (std::thread& thread : threads) thread.join();
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

TEST(FileSystem, AfterAFailedLargeWriteTheSessionGoesOn) {
  const Folder folder;
  const auto store = fs::open(folder.path).value();
  auto session = store->begin("one", oci::Algorithm::sha256).value();
  ASSERT_TRUE(session->append(bytes("first")));
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  Buffer buffer(Buffer::kLargeBytes);
  std::ranges::fill(buffer.span(), std::byte{'x'});
  const auto refused = session->append(std::move(buffer), Buffer::kLargeBytes);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, kStorageFull);
  EXPECT_EQ(session->size_bytes(), 5U);
  ASSERT_TRUE(session->append(bytes(" second")));
  EXPECT_TRUE(session->commit(digest_of("first second")));
}

// What one request leaves to be hashed is hashed while the next begins, in order.
TEST(FileSystem, BuffersAreHashedBehindRequests) {
  const Folder folder;
  const auto store = fs::open(folder.path).value();
  std::string all;
  {
    const auto begun = store->begin("behind", oci::Algorithm::sha256).value();
  }
  for (int request = 0; request < 20; ++request) {
    const auto session = store->resume("behind", oci::Algorithm::sha256).value();
    ASSERT_EQ(session->size_bytes(), all.size());
    for (int piece = 0; piece < request % 7; ++piece) {
      Buffer buffer(Buffer::kLargeBytes);
      std::ranges::fill(buffer.span(), static_cast<std::byte>(all.size() % 251));
      const std::size_t size = piece == 3 ? 100'000 : buffer.size();
      all.append(size, static_cast<char>(all.size() % 251));
      ASSERT_TRUE(session->append(std::move(buffer), size));
    }
    const std::string small = "request " + std::to_string(request);
    ASSERT_TRUE(session->append(bytes(small)));
    all += small;
  }
  EXPECT_TRUE(store->resume("behind", oci::Algorithm::sha256).value()->commit(digest_of(all)));
}

TEST(FileSystem, ManyLargeUploadsInBuffersOfTheirOwn) {
  const Folder folder;
  const auto store = fs::open(folder.path).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      auto session = store->begin("b" + std::to_string(t), oci::Algorithm::sha256).value();
      for (int i = 0; i < 6; ++i) {
        Buffer buffer(Buffer::kLargeBytes);
        std::ranges::fill(buffer.span(), static_cast<std::byte>(t));
        ASSERT_TRUE(session->append(std::move(buffer), Buffer::kLargeBytes));
      }
      EXPECT_TRUE(
          session->commit(digest_of(std::string(6 * Buffer::kLargeBytes, static_cast<char>(t)))));
    });
  }
  for (std::thread& thread : threads) thread.join();
  // One that is dropped while a thread is at it.
  auto session = store->begin("dropped", oci::Algorithm::sha256).value();
  ASSERT_TRUE(session->append(Buffer(Buffer::kLargeBytes), Buffer::kLargeBytes));
  session.reset();
  EXPECT_TRUE(store->abort("dropped"));
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
