// What every blob driver must do; a driver's test includes this and instantiates the suite.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "blob/digesting.hpp"
#include "blob/store.hpp"

namespace holdfast::blob::testing {

// Gives an empty store; what it needs on disk is kept by `keep` until the test ends.
using OpenFresh = std::unique_ptr<Store> (*)(std::shared_ptr<void>& keep);

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline oci::Digest digest_of(std::string_view text,
                             oci::Algorithm algorithm = oci::Algorithm::sha256) {
  Digesting digesting(algorithm);
  digesting.update(bytes(text));
  return digesting.digest();
}

inline std::string read_all(const Reader& reader) {
  std::string text(reader.size_bytes(), '?');
  std::size_t held = 0;
  while (held < text.size()) {
    const auto got = reader.read_at(held, std::as_writable_bytes(std::span(text).subspan(held)));
    if (!got || *got == 0) break;
    held += *got;
  }
  text.resize(held);
  return text;
}

class BlobContract : public ::testing::TestWithParam<OpenFresh> {
 protected:
  void SetUp() override { store_ = GetParam()(keep_); }

  BlobKey put(std::string_view id, std::string_view text) {
    auto session = store_->begin(id, oci::Algorithm::sha256).value();
    EXPECT_TRUE(session->append(bytes(text)));
    return session->commit(digest_of(text)).value().key;
  }
  std::string content(const BlobKey& key) {
    const auto reader = store_->open(key).value();
    std::string text(reader->size_bytes() + 10, '?');
    const auto got = reader->read_at(0, std::as_writable_bytes(std::span(text)));
    text.resize(got.value());
    return text;
  }

  std::shared_ptr<void> keep_;
  std::unique_ptr<Store> store_;
};

TEST_P(BlobContract, WhatWasCommittedIsReadBack) {
  auto session = store_->begin("one", oci::Algorithm::sha256).value();
  EXPECT_EQ(session->size_bytes(), 0U);
  ASSERT_TRUE(session->append(bytes("hello ")));
  ASSERT_TRUE(session->append(bytes("")));
  ASSERT_TRUE(session->append(bytes("world")));
  EXPECT_EQ(session->size_bytes(), 11U);
  const auto committed = session->commit(digest_of("hello world"));
  ASSERT_TRUE(committed) << describe(committed.error());
  EXPECT_EQ(committed->size_bytes, 11U);
  EXPECT_EQ(content(committed->key), "hello world");
  const auto reader = store_->open(committed->key).value();
  std::string part(3, '?');
  EXPECT_EQ(reader->read_at(6, std::as_writable_bytes(std::span(part))).value(), 3U);
  EXPECT_EQ(part, "wor");
  EXPECT_EQ(reader->read_at(11, std::as_writable_bytes(std::span(part))).value(), 0U);
  EXPECT_EQ(reader->read_at(99, std::as_writable_bytes(std::span(part))).value(), 0U);
  session.reset();
  EXPECT_EQ(store_->resume("one", oci::Algorithm::sha256).error().reason, kSessionMissing);
}

TEST_P(BlobContract, AnEmptyBlobIsABlob) {
  const BlobKey key = put("empty", "");
  EXPECT_EQ(content(key), "");
}

TEST_P(BlobContract, AWrongDigestKeepsTheSession) {
  auto session = store_->begin("one", oci::Algorithm::sha256).value();
  ASSERT_TRUE(session->append(bytes("abc")));
  const auto wrong = session->commit(digest_of("abd"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason, kDigestMismatch);
  EXPECT_EQ(session->size_bytes(), 3U);
  ASSERT_TRUE(session->append(bytes("d")));
  EXPECT_TRUE(session->commit(digest_of("abcd")));
}

TEST_P(BlobContract, AnotherAlgorithmMayBeNamedAtTheEnd) {
  for (const auto algorithm : {oci::Algorithm::sha256, oci::Algorithm::sha512}) {
    const auto other =
        algorithm == oci::Algorithm::sha256 ? oci::Algorithm::sha512 : oci::Algorithm::sha256;
    auto session = store_->begin("one", algorithm).value();
    ASSERT_TRUE(session->append(bytes("abc")));
    EXPECT_EQ(session->commit(digest_of("abd", other)).error().reason, kDigestMismatch);
    const auto committed = session->commit(digest_of("abc", other));
    ASSERT_TRUE(committed) << describe(committed.error());
    EXPECT_EQ(content(committed->key), "abc");
  }
}

TEST_P(BlobContract, ASessionGoesOnWhereItStood) {
  ASSERT_TRUE(store_->begin("one", oci::Algorithm::sha256).value()->append(bytes("abc")));
  EXPECT_EQ(store_->session_size("one").value(), 3U);
  auto session = store_->resume("one", oci::Algorithm::sha256).value();
  EXPECT_EQ(session->size_bytes(), 3U);
  ASSERT_TRUE(session->append(bytes("def")));
  EXPECT_EQ(store_->session_size("one").value(), 6U);
  EXPECT_EQ(content(session->commit(digest_of("abcdef")).value().key), "abcdef");
}

TEST_P(BlobContract, OneWriterAtATime) {
  auto session = store_->begin("one", oci::Algorithm::sha256).value();
  EXPECT_EQ(store_->begin("one", oci::Algorithm::sha256).error().code, ErrorCode::already_exists);
  EXPECT_EQ(store_->resume("one", oci::Algorithm::sha256).error().reason, kSessionBusy);
  EXPECT_EQ(store_->abort("one").error().reason, kSessionBusy);
  session.reset();
  EXPECT_TRUE(store_->abort("one"));
  EXPECT_TRUE(store_->abort("one"));
  EXPECT_EQ(store_->session_size("one").error().reason, kSessionMissing);
  EXPECT_TRUE(store_->begin("one", oci::Algorithm::sha256));
}

TEST_P(BlobContract, TheSameBytesTwiceAreTwoKeys) {
  const BlobKey one = put("one", "same");
  const BlobKey two = put("two", "same");
  EXPECT_NE(one.value, two.value);
  EXPECT_TRUE(store_->erase(one));
  EXPECT_EQ(store_->open(one).error().reason, kBlobMissing);
  EXPECT_EQ(content(two), "same");
  EXPECT_TRUE(store_->erase(one));
}

TEST_P(BlobContract, AnOpenReaderSurvivesTheErasure) {
  const BlobKey key = put("one", "still here");
  const auto reader = store_->open(key).value();
  ASSERT_TRUE(store_->erase(key));
  std::string text(10, '?');
  EXPECT_EQ(reader->read_at(0, std::as_writable_bytes(std::span(text))).value(), 10U);
  EXPECT_EQ(text, "still here");
}

TEST_P(BlobContract, SessionsAreListed) {
  const auto open = store_->begin("open", oci::Algorithm::sha256).value();
  (void)store_->begin("left", oci::Algorithm::sha256).value();
  put("done", "x");
  std::set<std::string> names;
  ASSERT_TRUE(store_->list_sessions([&](const Listed& listed) -> Result<void> {
    names.insert(listed.name);
    EXPECT_LT(SystemClock().now() - listed.modified, std::chrono::minutes(5));
    return {};
  }));
  EXPECT_EQ(names, (std::set<std::string>{"left", "open"}));
}

TEST_P(BlobContract, StoredBlobsAreListed) {
  const BlobKey gone = put("gone", "gone");
  std::map<std::string, BlobKey> kept;
  for (int i = 0; i < 20; ++i) kept["s" + std::to_string(i)] = put("s" + std::to_string(i), "same");
  const auto open = store_->begin("open", oci::Algorithm::sha256).value();
  ASSERT_TRUE(store_->erase(gone));
  std::map<std::string, BlobKey> listed;
  for (int part = 0; part < BlobAdmin::kListParts; ++part) {
    ASSERT_TRUE(store_->list_blobs(part, [&](const ListedBlob& one) -> Result<void> {
      EXPECT_EQ(one.digest, digest_of("same"));
      EXPECT_LT(SystemClock().now() - one.changed, std::chrono::minutes(5));
      EXPECT_TRUE(listed.emplace(one.session, one.key).second);
      return {};
    }));
  }
  EXPECT_EQ(listed, kept);
}

TEST_P(BlobContract, ManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        const std::string text(static_cast<std::size_t>(t * 1000 + i), 'x');
        EXPECT_EQ(content(put(std::to_string(t) + "-" + std::to_string(i), text)), text);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(store_->ping());
}

}  // namespace holdfast::blob::testing
