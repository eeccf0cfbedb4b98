#include "blob/fs/writers.hpp"

namespace holdfast::blob::fs {

Writers::Writers(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Writers::~Writers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  offered_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<void> Writers::run(const Work& work, const std::function<void()>& meanwhile) {
  Job job{work};
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    taken = jobs_.size() < idle_;
    if (taken) jobs_.push_back(&job);
  }
  if (!taken) {
    meanwhile();
    return work();
  }
  offered_.notify_one();
  meanwhile();
  job.done.acquire();
  return job.outcome;
}

void Writers::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    offered_.wait(lock, [&] { return !jobs_.empty() || ending_; });
    --idle_;
    if (jobs_.empty()) return;
    Job* job = jobs_.back();
    jobs_.pop_back();
    lock.unlock();
    job->outcome = job->work();
    job->done.release();
    lock.lock();
  }
}

}  // namespace holdfast::blob::fs
