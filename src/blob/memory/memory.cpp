#include "blob/memory/memory.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <vector>

#include "blob/digesting.hpp"

namespace holdfast::blob::memory {

namespace {

using Bytes = std::vector<std::byte>;

struct Stored {
  std::mutex mutex;
  struct Upload {
    Bytes bytes;
    bool busy = false;
    Timestamp modified;
  };
  std::map<std::string, Upload, std::less<>> uploads;
  struct Blob {
    std::shared_ptr<const Bytes> bytes;
    ListedBlob listed;
  };
  std::map<std::string, Blob, std::less<>> blobs;
  std::uint64_t next_key = 0;
};

class MemoryReader final : public Reader {
 public:
  explicit MemoryReader(std::shared_ptr<const Bytes> bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_->size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    if (offset >= bytes_->size()) return std::size_t{0};
    const std::size_t count = std::min<std::uint64_t>(into.size(), bytes_->size() - offset);
    std::memcpy(into.data(), bytes_->data() + offset, count);
    return count;
  }
  [[nodiscard]] std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  std::shared_ptr<const Bytes> bytes_;
};

class MemorySession final : public Session {
 public:
  MemorySession(std::shared_ptr<Stored> stored, const Clock& clock, std::string id,
                oci::Algorithm algorithm, Bytes bytes)
      : stored_(std::move(stored)),
        clock_(clock),
        id_(std::move(id)),
        digesting_(algorithm),
        bytes_(std::move(bytes)) {
    digesting_.update(bytes_);
  }
  ~MemorySession() override {
    const std::lock_guard lock(stored_->mutex);
    if (const auto found = stored_->uploads.find(id_); found != stored_->uploads.end() && !gone_) {
      found->second.bytes = std::move(bytes_);
      found->second.busy = false;
      found->second.modified = clock_.now();
    }
  }
  MemorySession(const MemorySession&) = delete;
  MemorySession& operator=(const MemorySession&) = delete;

  [[nodiscard]] std::string_view id() const override { return id_; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
  Result<void> append(std::span<const std::byte> bytes) override {
    digesting_.update(bytes);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    const std::lock_guard lock(stored_->mutex);
    stored_->uploads.at(id_).bytes = bytes_;
    return {};
  }
  Result<void> append(Buffer buffer, std::size_t size_bytes) override {
    return append(buffer.span().first(size_bytes));
  }
  Result<Committed> commit(const oci::Digest& expected) override {
    Digesting other(expected.algorithm());
    if (expected.algorithm() != digesting_.algorithm()) other.update(bytes_);
    const oci::Digest actual =
        expected.algorithm() == digesting_.algorithm() ? digesting_.digest() : other.digest();
    if (actual != expected) {
      return fail(ErrorCode::invalid, kDigestMismatch,
                  fmt::format("the bytes are {}, not {}", actual.text(), expected.text()));
    }
    const std::lock_guard lock(stored_->mutex);
    const std::uint64_t size = bytes_.size();
    BlobKey key{fmt::format("memory/{}", stored_->next_key++)};
    stored_->blobs.emplace(key.value, Stored::Blob{std::make_shared<const Bytes>(std::move(bytes_)),
                                                   {key, expected, id_, clock_.now()}});
    stored_->uploads.erase(id_);
    gone_ = true;
    return Committed{std::move(key), size};
  }

 private:
  std::shared_ptr<Stored> stored_;
  const Clock& clock_;
  std::string id_;
  Digesting digesting_;
  Bytes bytes_;
  bool gone_ = false;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  Result<std::shared_ptr<Reader>> open(const BlobKey& key) override {
    const std::lock_guard lock(stored_->mutex);
    const auto found = stored_->blobs.find(key.value);
    if (found == stored_->blobs.end()) {
      return fail(ErrorCode::not_found, kBlobMissing, "the blob's bytes are not there");
    }
    return std::shared_ptr<Reader>(std::make_shared<MemoryReader>(found->second.bytes));
  }
  std::shared_ptr<Reader> opened(const BlobKey& key) override {
    auto reader = open(key);
    return reader ? *std::move(reader) : nullptr;
  }
  Result<std::unique_ptr<Session>> begin(std::string_view id, oci::Algorithm algorithm) override {
    const std::lock_guard lock(stored_->mutex);
    const auto [entry, fresh] =
        stored_->uploads.try_emplace(std::string(id), Stored::Upload{{}, true, clock_.now()});
    if (!fresh) {
      return fail(ErrorCode::already_exists, kSessionBusy, "the session's id is taken");
    }
    return std::unique_ptr<Session>(
        std::make_unique<MemorySession>(stored_, clock_, std::string(id), algorithm, Bytes{}));
  }
  Result<std::unique_ptr<Session>> resume(std::string_view id, oci::Algorithm algorithm) override {
    const std::lock_guard lock(stored_->mutex);
    const auto found = stored_->uploads.find(id);
    if (found == stored_->uploads.end()) {
      return fail(ErrorCode::not_found, kSessionMissing, "no such upload session");
    }
    if (std::exchange(found->second.busy, true)) {
      return fail(ErrorCode::conflict, kSessionBusy, "another request writes to the session");
    }
    return std::unique_ptr<Session>(std::make_unique<MemorySession>(
        stored_, clock_, std::string(id), algorithm, found->second.bytes));
  }
  Result<std::uint64_t> session_size(std::string_view id) const override {
    const std::lock_guard lock(stored_->mutex);
    const auto found = stored_->uploads.find(id);
    if (found == stored_->uploads.end()) {
      return fail(ErrorCode::not_found, kSessionMissing, "no such upload session");
    }
    return std::uint64_t{found->second.bytes.size()};
  }
  Result<void> abort(std::string_view id) override {
    const std::lock_guard lock(stored_->mutex);
    const auto found = stored_->uploads.find(id);
    if (found == stored_->uploads.end()) return {};
    if (found->second.busy) {
      return fail(ErrorCode::conflict, kSessionBusy, "another request writes to the session");
    }
    stored_->uploads.erase(found);
    return {};
  }
  Result<void> erase(const BlobKey& key) override {
    const std::lock_guard lock(stored_->mutex);
    stored_->blobs.erase(key.value);
    return {};
  }
  Result<void> list_sessions(
      const std::function<Result<void>(const Listed&)>& each) const override {
    std::vector<Listed> listed;
    {
      const std::lock_guard lock(stored_->mutex);
      for (const auto& [id, upload] : stored_->uploads) listed.push_back({id, upload.modified});
    }
    for (const Listed& one : listed) HF_CHECK(each(one));
    return {};
  }
  Result<void> list_blobs(
      int part, const std::function<Result<void>(const ListedBlob&)>& each) const override {
    std::vector<ListedBlob> listed;
    if (part == 0) {
      const std::lock_guard lock(stored_->mutex);
      for (const auto& [key, blob] : stored_->blobs) listed.push_back(blob.listed);
    }
    for (const ListedBlob& one : listed) HF_CHECK(each(one));
    return {};
  }
  Result<void> ping() const override { return {}; }

 private:
  const Clock& clock_;
  std::shared_ptr<Stored> stored_ = std::make_shared<Stored>();
};

}  // namespace

std::unique_ptr<Store> make(const Clock& clock) { return std::make_unique<MemoryStore>(clock); }

}  // namespace holdfast::blob::memory
