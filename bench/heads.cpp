// HEAD requests over many connections: wrk and h2load wait for bodies that never come.
// Usage: heads PORT CONNECTIONS SECONDS < request. Prints JSON.
#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
  int socket = -1;
  Clock::time_point sent;
  std::string answer;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    fail("connect");
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

void send_request(Connection& connection, std::string_view request) {
  connection.answer.clear();
  connection.sent = Clock::now();
  if (::send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    fail("send");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string request(std::istreambuf_iterator<char>(std::cin), {});
  const auto until = Clock::now() + std::chrono::seconds(std::atoi(argv[3]));
  std::vector<Connection> connections(static_cast<std::size_t>(std::atoi(argv[2])));
  const int poll = ::epoll_create1(0);
  for (Connection& connection : connections) {
    connection.socket = connect_to(std::atoi(argv[1]));
    epoll_event event{EPOLLIN, {.ptr = &connection}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, connection.socket, &event);
    send_request(connection, request);
  }
  std::vector<double> times;
  std::size_t bad = 0;
  std::vector<epoll_event> events(connections.size());
  std::vector<char> buffer(16384);
  const auto began = Clock::now();
  while (Clock::now() < until) {
    const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      const ssize_t got = ::recv(connection.socket, buffer.data(), buffer.size(), 0);
      if (got <= 0) fail("recv");
      connection.answer.append(buffer.data(), static_cast<std::size_t>(got));
      if (!connection.answer.ends_with("\r\n\r\n")) continue;
      if (!connection.answer.starts_with("HTTP/1.1 200")) ++bad;
      times.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - connection.sent).count());
      send_request(connection, request);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (times.empty()) return 1;
  const auto p99 = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
  std::ranges::nth_element(times, p99);
  std::printf("{\"requests\":%zu,\"seconds\":%f,\"p99_ms\":%f,\"bad\":%zu}\n", times.size(),
              seconds, *p99, bad);
}
