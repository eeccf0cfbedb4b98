// An immutable value that many threads read and one replaces (configuration, keys).
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace holdfast {

// Readers get a shared_ptr to the value of the moment and keep it as long as they like. Not
// std::atomic<std::shared_ptr>: ThreadSanitizer reports a false race on libstdc++ 12's.
template <typename T>
class Snapshot {
 public:
  Snapshot() = default;
  explicit Snapshot(std::shared_ptr<const T> value) : value_(std::move(value)) {}

  [[nodiscard]] std::shared_ptr<const T> load() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void store(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace holdfast
