// Threads that write to the disk while the caller hashes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "base/result.hpp"

namespace holdfast::blob::fs {

// A few threads and no queue: when all are busy, so are the cores, and whoever asks writes itself.
class Writers {
 public:
  using Work = std::function<Result<void>()>;

  explicit Writers(std::size_t threads);
  ~Writers();
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  // Runs `work` on a free thread, if there is one, and `meanwhile` here; returns when both are
  // done, with what `work` gave.
  Result<void> run(const Work& work, const std::function<void()>& meanwhile);

 private:
  struct Job {
    const Work& work;
    Result<void> outcome{};
    std::binary_semaphore done{0};
  };
  void serve();

  std::mutex mutex_;  // guards the rest
  std::condition_variable offered_;
  std::vector<Job*> jobs_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace holdfast::blob::fs
