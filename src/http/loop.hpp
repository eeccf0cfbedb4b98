// One thread, its sockets and its connections.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/pool.hpp"
#include "http/connection.hpp"
#include "http/server.hpp"

namespace holdfast::http {

// Connections open by address. Threads: any.
class PerAddress {
 public:
  // False, and nothing counted, when the address has `most` already; 0: no limit.
  bool enter(const std::string& address, std::size_t most);
  void leave(const std::string& address);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> open_;
};

// What all loops of a server share.
struct Shared {
  Shared(Options options_in, async::BlockingPool& pool_in)
      : options(std::move(options_in)), pool(pool_in) {}
  Options options;
  async::BlockingPool& pool;
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> addresses_refused{0};
  std::atomic<std::uint64_t> heads_refused{0};
  std::atomic<std::uint64_t> heads_timed_out{0};
  std::atomic<std::uint64_t> bodies_timed_out{0};
  PerAddress per_address;
  std::atomic<std::uint64_t> handshakes_failed{0};
  std::atomic<std::uint64_t> sessions_resumed{0};
};

// start() and join() from the server's thread; stop_…() from any; the rest on the loop's own
// thread.
class Loop {
 public:
  Loop(Shared& shared, std::size_t number);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Takes a listening socket over. Before start().
  void add_listener(int socket, const Listener& listener);
  void start();
  // No new connection, idle ones closed, busy ones behind their request.
  void stop_accepting();
  // Every connection now.
  void stop_now();
  // Waits for the last connection to end.
  void join();

  Shared& shared() { return shared_; }
  boost::asio::io_context& context() { return context_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  void remove(Connection* connection);
  // An id that no other request has.
  std::string next_request_id();
  // The Date line of this second, with its CRLF.
  const std::string& date_line();
  // Buffers of connections that have paused.
  std::string take_buffer();
  void give_buffer(std::string buffer);

 private:
  struct Acceptor;
  void accept(Acceptor& acceptor);
  void take(int socket, const Listener& listener);
  void tick();
  void finish_if_empty();

  Shared& shared_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  std::list<Acceptor> acceptors_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<std::string> buffers_;
  std::string date_line_;
  std::int64_t date_second_ = 0;
  std::string id_prefix_;
  std::uint64_t next_id_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace holdfast::http
