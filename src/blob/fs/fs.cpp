#include "blob/fs/fs.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <set>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "base/fill_cache.hpp"
#include "blob/buffer.hpp"
#include "blob/fs/file.hpp"
#include "blob/fs/hashing.hpp"

namespace holdfast::blob::fs {

namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kReadAgainBytes = 1024UZ * 1024;
// From here on a write is worth the way past the page cache.
constexpr std::size_t kLargeBytes = 256UZ * 1024;
constexpr std::size_t kHashers = 4;
constexpr std::size_t kReadersKept = 512;  // open files of blobs that are asked for often
// Below this, /health warns before uploads begin to fail.
constexpr std::uint64_t kReserveBytes = 64ULL * 1024 * 1024;

// Ids come from our own generator; anything else is not a session.
bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos;
}

Error missing_session() {
  return fail(ErrorCode::not_found, kSessionMissing, "no such upload session");
}
Error busy_session() {
  return fail(ErrorCode::conflict, kSessionBusy, "another request writes to the session");
}

// How far the hash of a session has come.
struct Progress {
  std::uint64_t size_bytes = 0;
  std::unique_ptr<Hashing> hashing;
};

// Which sessions are open in this process, and the hashes of those that wait for their next
// request: without them every request would read the file again. They are only a cache.
class OpenSessions {
 public:
  bool take(std::string_view id) {
    const std::lock_guard lock(mutex_);
    return ids_.emplace(id).second;
  }
  void release(std::string_view id) {
    const std::lock_guard lock(mutex_);
    if (const auto found = ids_.find(id); found != ids_.end()) ids_.erase(found);
  }
  // While the caller holds the id.
  void remember(std::string_view id, Progress progress) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kWaitingKept) waiting_.erase(waiting_.begin());
    waiting_.insert_or_assign(std::string(id), std::move(progress));
  }
  std::optional<Progress> recall(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return std::nullopt;
    std::optional<Progress> progress = std::move(found->second);
    waiting_.erase(found);
    return progress;
  }

 private:
  static constexpr std::size_t kWaitingKept = 10'000;
  std::mutex mutex_;
  std::set<std::string, std::less<>> ids_;
  std::map<std::string, Progress, std::less<>> waiting_;
};

// Holds an id while a session is open.
class Hold {
 public:
  Hold(std::shared_ptr<OpenSessions> open, std::string id)
      : open_(std::move(open)), id_(std::move(id)) {}
  ~Hold() {
    if (open_) open_->release(id_);
  }
  Hold(Hold&& other) noexcept = default;
  Hold& operator=(Hold&&) = delete;
  [[nodiscard]] const std::string& id() const { return id_; }
  void remember(Progress progress) { open_->remember(id_, std::move(progress)); }
  std::optional<Progress> recall() { return open_->recall(id_); }

 private:
  std::shared_ptr<OpenSessions> open_;
  std::string id_;
};

class FileReader final : public Reader {
 public:
  FileReader(File file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    return file_.read_at(offset, into);
  }
  [[nodiscard]] std::optional<int> descriptor() const override { return file_.descriptor(); }

 private:
  File file_;
  std::uint64_t size_;
};

// Feeds a file's first `size` bytes to a hash.
Result<void> hash_file(const File& file, std::uint64_t size, Hashing& hashing) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kReadAgainBytes, size));
  for (std::uint64_t at = 0; at < size;) {
    HF_TRY(const std::size_t got, file.read_at(at, buffer));
    if (got == 0) return fail(ErrorCode::corrupt, kStorageBroken, "an upload's file is too short");
    hashing.add(std::span(buffer).first(got));
    at += got;
  }
  return {};
}

class FileSession final : public Session {
 public:
  FileSession(stdfs::path root, std::shared_ptr<Hashers> hashers, Hold hold, File file,
              std::uint64_t size, std::unique_ptr<Hashing> hashing)
      : root_(std::move(root)),
        hashers_(std::move(hashers)),
        hold_(std::move(hold)),
        file_(std::move(file)),
        size_(size),
        hashing_(std::move(hashing)) {}
  ~FileSession() override {
    if (!spoiled_ && !committed_) hold_.remember({size_, std::move(hashing_)});
  }
  FileSession(const FileSession&) = delete;
  FileSession& operator=(const FileSession&) = delete;

  [[nodiscard]] std::string_view id() const override { return hold_.id(); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_; }

  Result<void> append(std::span<const std::byte> bytes) override {
    HF_CHECK(write_at_end(bytes));
    hashing_->add(bytes);
    return {};
  }
  Result<void> append(Buffer buffer, std::size_t size_bytes) override {
    HF_CHECK(write_at_end(buffer.span().first(size_bytes)));
    hashing_->add(std::move(buffer), size_bytes);
    return {};
  }

  Result<Committed> commit(const oci::Digest& expected) override {
    if (spoiled_) return fail(ErrorCode::unavailable, kStorageBroken, "an earlier sync failed");
    HF_TRY(const oci::Digest actual, digest_by(expected.algorithm()));
    if (actual != expected) {
      return fail(ErrorCode::invalid, kDigestMismatch,
                  fmt::format("the bytes are {}, not {}", actual.text(), expected.text()));
    }
    const std::string key = fmt::format("{}/{}/{}.{}", oci::name(expected.algorithm()),
                                        expected.hex().substr(0, 2), expected.hex(), hold_.id());
    const stdfs::path target = root_ / "blobs" / key;
    const stdfs::path source = root_ / "uploads" / hold_.id();
    if (Result<void> synced = file_.sync(); !synced) {
      spoiled_ = true;  // what the disk holds is not known any more
      return std::move(synced).error();
    }
    if (::rename(source.c_str(), target.c_str()) != 0) return error_of(errno, "rename", source);
    committed_ = true;
    HF_CHECK(sync_folder(target.parent_path()));
    return Committed{BlobKey{key}, size_};
  }

 private:
  Result<oci::Digest> digest_by(oci::Algorithm algorithm) {
    if (algorithm == hashing_->algorithm()) return hashing_->digest();
    Hashing other(algorithm, hashers_);
    HF_CHECK(hash_file(file_, size_, other));
    return other.digest();
  }

  Result<void> write_at_end(std::span<const std::byte> bytes) {
    if (spoiled_) return fail(ErrorCode::unavailable, kStorageBroken, "an earlier sync failed");
    if (Result<void> written = write_at(size_, bytes); !written) {
      // Whatever part of it is there does not count: the length is the session's length.
      HF_CHECK(file_.truncate(size_));
      return written;
    }
    size_ += bytes.size();
    return {};
  }

  // Large aligned pieces go past the page cache: the disk works while bytes still come, and the
  // sync at the end finds little to do. Where the file system refuses, at open or at the first
  // write, all goes the ordinary way.
  Result<void> write_at(std::uint64_t at, std::span<const std::byte> bytes) {
    const auto aligned = [](std::uint64_t number) { return number % kAlignmentBytes == 0; };
    const bool fits = bytes.size() >= kLargeBytes && aligned(bytes.size()) && aligned(at) &&
                      aligned(reinterpret_cast<std::uintptr_t>(bytes.data()));
    if (!fits || direct_refused_) return file_.write_at(at, bytes);
    if (!direct_) {
      auto opened = file_.open_direct();
      if (opened) direct_.emplace(*std::move(opened));
    }
    if (direct_) {
      const Result<void> written = direct_->write_at(at, bytes);
      if (written || written.error().code == ErrorCode::no_space) return written;
    }
    direct_refused_ = true;
    return file_.write_at(at, bytes);
  }

  stdfs::path root_;
  std::shared_ptr<Hashers> hashers_;
  Hold hold_;
  File file_;
  std::optional<File> direct_;
  bool direct_refused_ = false;
  bool committed_ = false;
  bool spoiled_ = false;  // a sync failed: what the disk holds is not known
  std::uint64_t size_;
  std::unique_ptr<Hashing> hashing_;
};

class FileStore final : public Store {
 public:
  explicit FileStore(stdfs::path root) : root_(std::move(root)) {}

  Result<std::shared_ptr<Reader>> open(const BlobKey& key) override {
    if (auto reader = opened(key)) return reader;
    const auto ticket = readers_.ticket(key.value);
    HF_TRY(File file, File::open(root_ / "blobs" / key.value, File::Mode::read));
    HF_TRY(const std::uint64_t size, file.size_bytes());
    std::shared_ptr<Reader> reader = std::make_shared<FileReader>(std::move(file), size);
    readers_.insert(ticket, key.value, reader);
    return reader;
  }
  std::shared_ptr<Reader> opened(const BlobKey& key) override {
    return readers_.find(key.value).value_or(nullptr);
  }

  Result<std::unique_ptr<Session>> begin(std::string_view id, oci::Algorithm algorithm) override {
    return open_session(id, algorithm, File::Mode::create);
  }
  Result<std::unique_ptr<Session>> resume(std::string_view id, oci::Algorithm algorithm) override {
    return open_session(id, algorithm, File::Mode::modify);
  }

  Result<std::uint64_t> session_size(std::string_view id) const override {
    if (!is_id(id)) return missing_session();
    const auto file = File::open(root_ / "uploads" / id, File::Mode::read);
    if (!file) return file.error().code == ErrorCode::not_found ? missing_session() : file.error();
    return file->size_bytes();
  }

  Result<void> abort(std::string_view id) override {
    if (!is_id(id)) return {};
    if (!open_->take(id)) return busy_session();
    Hold hold(open_, std::string(id));
    (void)hold.recall();
    return remove(root_ / "uploads" / id);
  }

  Result<void> erase(const BlobKey& key) override {
    HF_CHECK(remove(root_ / "blobs" / key.value));
    // A file that is held open keeps its room on the disk.
    readers_.drop(key.value);
    return {};
  }

  Result<void> list_sessions(
      const std::function<Result<void>(const Listed&)>& each) const override {
    std::error_code error;
    for (const auto& entry : stdfs::directory_iterator(root_ / "uploads", error)) {
      const auto file = File::open(entry.path(), File::Mode::read);
      if (!file) continue;  // finished meanwhile
      HF_TRY(const Timestamp modified, file->modified());
      HF_CHECK(each({entry.path().filename().string(), modified}));
    }
    if (error) return error_of(error.value(), "list", root_ / "uploads");
    return {};
  }

  Result<void> list_blobs(
      int part, const std::function<Result<void>(const ListedBlob&)>& each) const override {
    for (const auto algorithm : {oci::Algorithm::sha256, oci::Algorithm::sha512}) {
      const std::string below = fmt::format("{}/{:02x}", oci::name(algorithm), part);
      std::error_code error;
      for (const auto& entry : stdfs::directory_iterator(root_ / "blobs" / below, error)) {
        const std::string name = entry.path().filename().string();
        const std::size_t dot = name.find('.');
        auto digest =
            oci::Digest::parse(fmt::format("{}:{}", oci::name(algorithm), name.substr(0, dot)));
        if (!digest || dot == std::string::npos) continue;  // not ours
        // Renaming changes the inode, writing the bytes: the later of the two is meant.
        struct stat info{};
        if (::lstat(entry.path().c_str(), &info) != 0) continue;  // erased meanwhile
        const std::int64_t seconds = std::max(info.st_mtim.tv_sec, info.st_ctim.tv_sec);
        HF_CHECK(each({BlobKey{fmt::format("{}/{}", below, name)}, *std::move(digest),
                       name.substr(dot + 1), Timestamp{std::chrono::seconds(seconds + 1)}}));
      }
      if (error) return error_of(error.value(), "list", root_ / "blobs" / below);
    }
    return {};
  }

  Result<void> ping() const override {
    const stdfs::path folder = root_ / "uploads";
    if (::access(folder.c_str(), W_OK | X_OK) != 0) return error_of(errno, "write to", folder);
    struct statvfs info{};
    if (::statvfs(folder.c_str(), &info) != 0) return error_of(errno, "stat", folder);
    if (std::uint64_t{info.f_bavail} * info.f_frsize < kReserveBytes) {
      return fail(ErrorCode::no_space, kStorageFull, "less than 64 MiB are free for blobs");
    }
    return {};
  }

 private:
  Result<std::unique_ptr<Session>> open_session(std::string_view id, oci::Algorithm algorithm,
                                                File::Mode mode) {
    if (!is_id(id)) return missing_session();
    const bool fresh = mode == File::Mode::create;
    const Error taken = fail(ErrorCode::already_exists, kSessionBusy, "the session's id is taken");
    if (!open_->take(id)) return fresh ? taken : busy_session();
    Hold hold(open_, std::string(id));
    auto file = File::open(root_ / "uploads" / id, mode);
    if (!file && !fresh && file.error().code == ErrorCode::not_found) return missing_session();
    if (!file && fresh && stdfs::exists(root_ / "uploads" / id)) return taken;
    if (!file) return std::move(file).error();
    HF_TRY(const std::uint64_t size, file->size_bytes());
    std::optional<Progress> progress = hold.recall();
    std::unique_ptr<Hashing> hashing;
    if (progress && progress->size_bytes == size && progress->hashing->algorithm() == algorithm) {
      hashing = std::move(progress->hashing);
    } else {
      hashing = std::make_unique<Hashing>(algorithm, hashers_);
      HF_CHECK(hash_file(*file, size, *hashing));
    }
    return std::unique_ptr<Session>(std::make_unique<FileSession>(
        root_, hashers_, std::move(hold), *std::move(file), size, std::move(hashing)));
  }

  static Result<void> remove(const stdfs::path& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return error_of(errno, "remove", path);
    return {};
  }

  stdfs::path root_;
  FillCache<std::shared_ptr<Reader>> readers_{kReadersKept};
  std::shared_ptr<OpenSessions> open_ = std::make_shared<OpenSessions>();
  std::shared_ptr<Hashers> hashers_ = std::make_shared<Hashers>(kHashers);
};

Result<void> make_folders(const stdfs::path& root) {
  std::error_code error;
  stdfs::create_directories(root / "uploads", error);
  for (const auto algorithm : {oci::Algorithm::sha256, oci::Algorithm::sha512}) {
    const stdfs::path shards = root / "blobs" / oci::name(algorithm);
    if (stdfs::exists(shards / "ff")) continue;  // made last
    for (int shard = 0; shard < 256 && !error; ++shard) {
      stdfs::create_directories(shards / fmt::format("{:02x}", shard), error);
    }
    if (error) break;
    HF_CHECK(sync_folder(shards));
  }
  if (error) return error_of(error.value(), "make folders below", root);
  HF_CHECK(sync_folder(root / "blobs"));
  return sync_folder(root);
}

}  // namespace

Result<std::unique_ptr<Store>> open(const stdfs::path& root) {
  HF_CHECK(make_folders(root));
  return std::unique_ptr<Store>(std::make_unique<FileStore>(root));
}

}  // namespace holdfast::blob::fs
