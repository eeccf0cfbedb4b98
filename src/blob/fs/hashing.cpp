#include "blob/fs/hashing.hpp"

#include <utility>

namespace holdfast::blob::fs {

namespace {

constexpr std::size_t kPiecesWaiting = 3;

}  // namespace

Hashers::Hashers(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Hashers::~Hashers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  offered_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Hashers::begin(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= idle_) return false;
    jobs_.push_back(std::move(work));
  }
  offered_.notify_one();
  return true;
}

void Hashers::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    offered_.wait(lock, [&] { return !jobs_.empty() || ending_; });
    --idle_;
    if (jobs_.empty()) return;
    const std::function<void()> work = std::move(jobs_.back());
    jobs_.pop_back();
    lock.unlock();
    work();
    lock.lock();
  }
}

Hashing::Hashing(oci::Algorithm algorithm, std::shared_ptr<Hashers> hashers)
    : hashers_(std::move(hashers)), digesting_(algorithm) {}

Hashing::~Hashing() {
  std::unique_lock lock(mutex_);
  wait(lock);
}

void Hashing::add(std::span<const std::byte> bytes) {
  std::unique_lock lock(mutex_);
  wait(lock);
  digesting_.update(bytes);
}

void Hashing::add(Buffer buffer, std::size_t size_bytes) {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [&] { return waiting_.size() < kPiecesWaiting; });
  waiting_.push_back({std::move(buffer), size_bytes});
  if (at_it_) return;
  at_it_ = true;
  const bool begun = hashers_->begin([this] {
    std::unique_lock theirs(mutex_);
    hash_all(theirs);
  });
  if (!begun) hash_all(lock);
}

oci::Digest Hashing::digest() {
  std::unique_lock lock(mutex_);
  wait(lock);
  return digesting_.digest();
}

// By the thread that is at it. Nothing waits where none is.
void Hashing::hash_all(std::unique_lock<std::mutex>& lock) {
  while (!waiting_.empty()) {
    Piece piece = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    digesting_.update(piece.buffer.span().first(piece.size_bytes));
    piece = {};
    lock.lock();
    moved_.notify_all();
  }
  at_it_ = false;
  // Behind the lock's end the owner may be gone: the last touch is under it.
  moved_.notify_all();
}

void Hashing::wait(std::unique_lock<std::mutex>& lock) {
  moved_.wait(lock, [&] { return !at_it_; });
}

}  // namespace holdfast::blob::fs
