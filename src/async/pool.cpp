#include "async/pool.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace holdfast::async {

namespace asio = boost::asio;

class BlockingPool::Threads {
 public:
  explicit Threads(std::size_t count) : pool(count) {}
  asio::thread_pool pool;
};

BlockingPool::BlockingPool(std::size_t threads) : threads_(std::make_unique<Threads>(threads)) {}

BlockingPool::~BlockingPool() { join(); }

void BlockingPool::join() { threads_->pool.join(); }

asio::awaitable<void> BlockingPool::enter(std::function<void()> work) {
  const auto home = co_await asio::this_coro::executor;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [this, &work, home](auto handler) {
        asio::post(threads_->pool, [&work, home, handler = std::move(handler)]() mutable {
          work();
          asio::post(home, std::move(handler));
        });
      },
      asio::use_awaitable);
}

}  // namespace holdfast::async
