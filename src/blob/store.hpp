// The blob seam: bytes by key, written once, in three roles. Drivers: blob/fs, blob/memory.
//
// A blob is written through an Ingest session (begin, append …, commit) and gets an opaque BlobKey
// that is never used twice; the database maps digest -> key. So a re-push of a digest that is being
// collected has its own key and cannot lose its bytes. The contract suite in blob/testing is what a
// driver must pass.
//
// All calls block (disk) unless they say otherwise and may come from any thread; one session is
// used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "blob/buffer.hpp"
#include "oci/digest.hpp"

namespace holdfast::blob {

inline constexpr std::string_view kBlobMissing = "blob_missing";        // not_found
inline constexpr std::string_view kSessionMissing = "session_missing";  // not_found
inline constexpr std::string_view kSessionBusy =
    "session_busy";  // conflict: another writer has it open
inline constexpr std::string_view kDigestMismatch = "digest_mismatch";  // invalid
inline constexpr std::string_view kStorageFull = "storage_full";        // no_space
inline constexpr std::string_view kStorageBroken = "storage_broken";    // unavailable: an I/O error

// Names one stored blob: never parsed, never shown, never used twice.
struct BlobKey {
  std::string value;
  bool operator==(const BlobKey&) const = default;
};

// Stored bytes, open for reading. Stays readable while held, also when the blob is erased
// meanwhile. read_at and the getters may be called from several threads at once.
class Reader {
 public:
  virtual ~Reader() = default;
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  // Reads up to into.size() bytes at `offset`; 0 only at or beyond the end.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const = 0;
  // A descriptor for sendfile, owned by the reader; nothing where the bytes are not a file.
  [[nodiscard]] virtual std::optional<int> descriptor() const = 0;
};

// What commit gives: where the bytes lie now, durably.
struct Committed {
  BlobKey key;
  std::uint64_t size_bytes = 0;
};

// One upload. Bytes are hashed while they are appended. Dropping the object closes it and keeps
// what was written: the session goes on with resume(). Appended bytes survive a crash of the
// process, not a power cut; resume() says how many there are.
class Session {
 public:
  virtual ~Session() = default;
  [[nodiscard]] virtual std::string_view id() const = 0;
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;

  // Adds bytes at the end: all of them, or an error and as many as size_bytes() then says.
  virtual Result<void> append(std::span<const std::byte> bytes) = 0;
  // The same with the first `size_bytes` of a buffer that may be kept for a while: they can be
  // hashed behind the call, and behind the session's end.
  virtual Result<void> append(Buffer buffer, std::size_t size_bytes) = 0;

  // Syncs and moves the bytes to their final place: when it returns, they survive a power cut.
  // invalid/kDigestMismatch when the bytes are not `expected` (any supported algorithm: when it is
  // not the one that was hashed on the way, the bytes are read once more); the session is then kept
  // and can be committed again with another digest, or aborted. After success the session is gone.
  virtual Result<Committed> commit(const oci::Digest& expected) = 0;
};

// Reading. The hot path of a pull.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual Result<std::shared_ptr<Reader>> open(const BlobKey& key) = 0;
  // The same without blocking, when the store has the blob open already; else nothing.
  virtual std::shared_ptr<Reader> opened(const BlobKey& key) = 0;
};

// Writing.
class BlobIngest {
 public:
  virtual ~BlobIngest() = default;
  // A new session under an id that the caller chose (a UUID), hashing with `algorithm`.
  virtual Result<std::unique_ptr<Session>> begin(std::string_view id, oci::Algorithm algorithm) = 0;
  // Opens a session again, also after a restart. kSessionMissing; kSessionBusy while it is open.
  virtual Result<std::unique_ptr<Session>> resume(std::string_view id,
                                                  oci::Algorithm algorithm) = 0;
  // Bytes that a session holds so far, also while it is open elsewhere.
  virtual Result<std::uint64_t> session_size(std::string_view id) const = 0;
  // Drops a session and its bytes. No error when there is none; kSessionBusy while it is open.
  virtual Result<void> abort(std::string_view id) = 0;
};

// A session or blob as the lists give it.
struct Listed {
  std::string name;  // session id, or BlobKey::value
  Timestamp modified;
};

// A stored blob as its store knows it, whether or not anybody else does.
struct ListedBlob {
  BlobKey key;
  oci::Digest digest;
  std::string session;  // the id of the upload that it came by
  Timestamp changed;    // when the bytes were last written or moved
};

// Housekeeping.
class BlobAdmin {
 public:
  virtual ~BlobAdmin() = default;
  // Frees a blob's bytes. No error when there is none. Open readers are not disturbed.
  virtual Result<void> erase(const BlobKey& key) = 0;
  // Every session that lies there, in no order (crashed ones too).
  virtual Result<void> list_sessions(
      const std::function<Result<void>(const Listed&)>& each) const = 0;
  // The blobs that lie in one of the kListParts parts, in no order: a long list in pieces of memory
  // and time.
  static constexpr int kListParts = 256;
  virtual Result<void> list_blobs(
      int part, const std::function<Result<void>(const ListedBlob&)>& each) const = 0;
  // Nothing, or why storage cannot serve now (not writable, nearly full). For /health.
  virtual Result<void> ping() const = 0;
};

// A driver is all three.
class Store : public BlobReader, public BlobIngest, public BlobAdmin {};

}  // namespace holdfast::blob
