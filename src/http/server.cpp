#include "http/server.hpp"

#include <algorithm>
#include <csignal>
#include <thread>
#include <unistd.h>
#include <utility>

#include "http/listen.hpp"
#include "http/loop.hpp"

namespace holdfast::http {

namespace {

class LoopServer final : public Server {
 public:
  LoopServer(Options options, async::BlockingPool& pool) : shared_(std::move(options), pool) {
    std::size_t count = shared_.options.threads;
    if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>(shared_, i));
  }
  ~LoopServer() override { stop(std::chrono::seconds(0)); }
  LoopServer(const LoopServer&) = delete;
  LoopServer& operator=(const LoopServer&) = delete;

  Result<void> listen() {
    for (const Listener& listener : shared_.options.listeners) {
      HF_TRY(const auto first, listen_on(listener.endpoint));
      bound_.push_back(first.second);
      loops_.front()->add_listener(first.first, listener);
      for (std::size_t i = 1; i < loops_.size() && !first.second.unix_socket; ++i) {
        HF_TRY(const int socket, listen_beside(first.second));
        loops_[i]->add_listener(socket, listener);
      }
    }
    return {};
  }
  void start() {
    for (const auto& loop : loops_) loop->start();
    running_ = true;
  }

  [[nodiscard]] net::Endpoint bound(std::size_t index) const override { return bound_.at(index); }

  [[nodiscard]] Counters counters() const override {
    return {.connections_open = shared_.open.load(),
            .connections_accepted = shared_.accepted.load(),
            .connections_refused = shared_.refused.load(),
            .addresses_refused = shared_.addresses_refused.load(),
            .heads_refused = shared_.heads_refused.load(),
            .heads_timed_out = shared_.heads_timed_out.load(),
            .bodies_timed_out = shared_.bodies_timed_out.load(),
            .tls_handshakes_failed = shared_.handshakes_failed.load(),
            .tls_sessions_resumed = shared_.sessions_resumed.load()};
  }

  void stop(std::chrono::seconds grace) override {
    if (!std::exchange(running_, false)) return;
    for (const auto& loop : loops_) loop->stop_accepting();
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (shared_.open.load() > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (const auto& loop : loops_) loop->stop_now();
    for (const auto& loop : loops_) loop->join();
    for (const net::Endpoint& endpoint : bound_) {
      if (endpoint.unix_socket) ::unlink(endpoint.address.c_str());
    }
  }

 private:
  Shared shared_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<net::Endpoint> bound_;
  bool running_ = false;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Options options, async::BlockingPool& pool) {
  // OpenSSL writes with write(2), which has no MSG_NOSIGNAL: a client that went away must not end
  // us.
  std::signal(SIGPIPE, SIG_IGN);
  auto server = std::make_unique<LoopServer>(std::move(options), pool);
  HF_CHECK(server->listen());
  server->start();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace holdfast::http
