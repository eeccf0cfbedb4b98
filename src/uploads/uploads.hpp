// Upload sessions of blobs: begin, append in order, finish, cancel, expire. They survive a restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "repos/content.hpp"
#include "repos/repository.hpp"

namespace holdfast::uploads {

inline constexpr std::string_view kUploadUnknown = "upload_unknown";  // not_found
inline constexpr std::string_view kUploadBusy =
    "upload_busy";  // conflict: another request writes to it
inline constexpr std::string_view kRangeInvalid =
    "range_invalid";  // out_of_range: gap, overlap or repeat

std::span<const db::Migration> migrations();

// A session opened for one request. Bytes appended are kept when it is dropped.
class Upload {
 public:
  ~Upload();
  Upload(Upload&&) noexcept;
  [[nodiscard]] const std::string& id() const;
  [[nodiscard]] std::uint64_t size_bytes() const;
  // Block on the disk; see blob::Session.
  Result<void> append(std::span<const std::byte> bytes);
  Result<void> append(blob::Buffer buffer, std::size_t size_bytes);
  // out_of_range/kRangeInvalid unless `first` is where the session stands.
  Result<void> expect_at(std::uint64_t first) const;

 private:
  friend class Uploads;
  struct State;
  explicit Upload(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Threads: any; all calls block. A session belongs to one repository: from another it is unknown.
class Uploads {
 public:
  Uploads(db::Database& database, blob::Store& blobs, const Clock& clock, Random& random);

  // A new session, open. Costs no sync.
  Result<Upload> begin(const repos::Repository& repository, oci::Algorithm algorithm,
                       const events::Actor& actor);
  // kUploadUnknown, kUploadBusy.
  Result<Upload> open(const repos::Repository& repository, std::string_view id);
  // Bytes so far. kUploadUnknown.
  Result<std::uint64_t> size(const repos::Repository& repository, std::string_view id);

  // Checks the digest, makes the bytes durable, links the blob, drops the session row: when it
  // returns, all of it survives a power cut. blob::kDigestMismatch (the session is then kept).
  Result<void> finish(Upload upload, const repos::Repository& repository,
                      const oci::Digest& digest);
  // kUploadUnknown, kUploadBusy.
  Result<void> cancel(const repos::Repository& repository, std::string_view id);

  // Whether the session is still to become a blob: it has a row, made after `limit`.
  Result<bool> is_under_way(std::string_view id, Timestamp limit);

  // Drops sessions untouched for `age`, rows and bytes, also bytes without a row (a crash between
  // the two). Gives how many.
  Result<int> expire(std::chrono::seconds age);

 private:
  // The algorithm of a session of this repository. kUploadUnknown.
  Result<oci::Algorithm> row(const repos::Repository& repository, std::string_view id);

  db::Database& database_;
  blob::Store& blobs_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::uploads
