// Blocking work for coroutines: disk, database, password hashing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace holdfast::async {

// A fixed number of threads. The queue is bounded by what the callers may have in flight: every
// caller is a coroutine that waits. The pool must outlive them; the destructor joins.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads);
  ~BlockingPool();
  // Waits for the threads to end; run() is not called any more. To be called before the loops of
  // its callers are destroyed: a thread may still be about to wake one up.
  void join();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `function` on the pool and goes on, on the caller's executor, with what it gives.
  // What the function throws is thrown here. References that it captures live in the awaiting
  // coroutine's frame, which waits: that is safe.
  template <std::invocable Function>
  boost::asio::awaitable<std::invoke_result_t<Function>> run(Function function) {
    using Value = std::invoke_result_t<Function>;
    std::exception_ptr thrown;
    if constexpr (std::is_void_v<Value>) {
      co_await enter([&] { guard(thrown, function); });
      if (thrown) std::rethrow_exception(thrown);
    } else {
      std::optional<Value> value;
      co_await enter([&] { guard(thrown, [&] { value.emplace(function()); }); });
      if (thrown || !value) std::rethrow_exception(thrown);
      co_return std::move(*value);
    }
  }

 private:
  template <typename Function>
  static void guard(std::exception_ptr& thrown, Function&& function) {
    try {
      std::forward<Function>(function)();
    } catch (...) {
      thrown = std::current_exception();
    }
  }

  // Runs `work` on a pool thread, then resumes the caller on its executor.
  boost::asio::awaitable<void> enter(std::function<void()> work);

  class Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace holdfast::async
