#include "db/postgres/listener.hpp"

#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <utility>
#include <vector>

#include "db/postgres/connection.hpp"

namespace holdfast::db::postgres {

namespace {

constexpr std::chrono::milliseconds kHeartbeat{400};  // silence longer than that is checked
constexpr std::chrono::milliseconds kAnswerWithin{400};
constexpr std::chrono::milliseconds kReconnectEvery{200};

std::optional<Change> parse(std::string_view payload, std::string_view replica) {
  const std::size_t first = payload.find('/');
  if (first == std::string_view::npos || payload.substr(0, first) == replica) return std::nullopt;
  const std::size_t second = payload.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Change{std::string(payload.substr(first + 1, second - first - 1)),
                std::string(payload.substr(second + 1))};
}

}  // namespace

Listener::Listener(std::string url, std::string replica, Changes& changes)
    : url_(std::move(url)),
      replica_(std::move(replica)),
      changes_(changes),
      thread_([this] { run(); }) {}

Listener::~Listener() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ends_.notify_all();
  thread_.join();
}

bool Listener::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return ends_.wait_for(lock, time, [&] { return ending_; });
}

void Listener::run() {
  do {
    listen();
    changes_.deliver_all();
  } while (!pause(kReconnectEvery));
}

void Listener::listen() {
  const auto opened = Connection::open(url_, kAnswerWithin);
  if (!opened) return;
  Connection& connection = **opened;
  if (!connection.run(fmt::format("LISTEN {}", kChannel).c_str())) return;
  // Whatever came before LISTEN was not heard.
  changes_.deliver_all();
  while (!pause(std::chrono::milliseconds(0))) {
    pollfd wait{PQsocket(connection.handle()), POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(kHeartbeat.count()));
    if (ready < 0 && errno != EINTR) return;
    if (ready == 0 && !connection.run("SELECT 1")) return;
    if (ready > 0 && PQconsumeInput(connection.handle()) == 0) return;
    std::vector<Change> heard;
    while (PGnotify* notice = PQnotifies(connection.handle())) {
      if (auto change = parse(notice->extra, replica_)) heard.push_back(*std::move(change));
      PQfreemem(notice);
    }
    changes_.deliver(heard);
  }
}

}  // namespace holdfast::db::postgres
