#include "async/pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>
#include <stdexcept>
#include <thread>

namespace holdfast::async {
namespace {

namespace asio = boost::asio;

TEST(BlockingPool, WorksElsewhereAndComesHome) {
  asio::io_context loop;
  BlockingPool pool(4);
  const auto home = std::this_thread::get_id();
  int sum = 0;
  const auto add = [&](int number) -> asio::awaitable<void> {
    const auto worker = co_await pool.run([&] { return std::this_thread::get_id(); });
    EXPECT_NE(worker, home);
    EXPECT_EQ(std::this_thread::get_id(), home);
    co_await pool.run([] {});
    sum += number;  // only on the loop: no lock
  };
  for (int i = 1; i <= 100; ++i) {
    asio::co_spawn(loop, add(i),
                   [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
  }
  loop.run();
  EXPECT_EQ(sum, 5050);
}

TEST(BlockingPool, WhatIsThrownThereIsThrownHere) {
  asio::io_context loop;
  BlockingPool pool(1);
  std::string caught;
  const auto run = [&]() -> asio::awaitable<void> {
    try {
      co_await pool.run([]() -> int { throw std::runtime_error("there"); });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
  };
  asio::co_spawn(loop, run(), [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
  loop.run();
  EXPECT_EQ(caught, "there");
}

}  // namespace
}  // namespace holdfast::async
