// The hash of a session, computed behind the writing of its bytes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "blob/buffer.hpp"
#include "blob/digesting.hpp"

namespace holdfast::blob::fs {

// A few threads and no queue: when all are busy, so are the cores, and whoever asks works itself.
class Hashers {
 public:
  explicit Hashers(std::size_t threads);
  ~Hashers();
  Hashers(const Hashers&) = delete;
  Hashers& operator=(const Hashers&) = delete;

  // Begins `work` on a free thread. False, and nothing begun, when none is free.
  bool begin(std::function<void()> work);

 private:
  void serve();

  std::mutex mutex_;  // guards the rest
  std::condition_variable offered_;
  std::vector<std::function<void()>> jobs_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

// Used by one thread at a time. What was added in a buffer of its own may be hashed later, by one
// of the threads: a request can end and the next begin meanwhile. A bounded number of buffers wait.
class Hashing {
 public:
  Hashing(oci::Algorithm algorithm, std::shared_ptr<Hashers> hashers);
  // Waits for the thread that is at it.
  ~Hashing();
  Hashing(const Hashing&) = delete;
  Hashing& operator=(const Hashing&) = delete;

  [[nodiscard]] oci::Algorithm algorithm() const { return digesting_.algorithm(); }
  // Hashes now.
  void add(std::span<const std::byte> bytes);
  // Hashes the first `size_bytes` of the buffer, perhaps later.
  void add(Buffer buffer, std::size_t size_bytes);
  // The hash of all that was added.
  [[nodiscard]] oci::Digest digest();

 private:
  struct Piece {
    Buffer buffer;
    std::size_t size_bytes = 0;
  };
  void hash_all(std::unique_lock<std::mutex>& lock);
  void wait(std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<Hashers> hashers_;
  Digesting digesting_;  // by whoever has set at_it_, or by the owner when it is not set
  std::mutex mutex_;     // guards the rest
  std::condition_variable moved_;
  std::deque<Piece> waiting_;
  bool at_it_ = false;  // a thread hashes what waits
};

}  // namespace holdfast::blob::fs
