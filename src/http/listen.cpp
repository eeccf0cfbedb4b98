#include "http/listen.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace holdfast::http {

namespace {

constexpr int kBacklog = 4096;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Error failed(const net::Endpoint& endpoint, int code) {
  std::string hint;
  if (code == EADDRINUSE) hint = " (is another server running?)";
  if (code == EACCES) hint = " (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
  return fail(ErrorCode::unavailable, "cannot_listen",
              fmt::format("cannot listen on {}: {}{}", endpoint.text(),
                          std::generic_category().message(code), hint));
}

Address address_of(const net::Endpoint& endpoint) {
  Address address;
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, endpoint.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(endpoint.port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  six->sin6_family = AF_INET6;
  six->sin6_addr = in6addr_any;
  if (!endpoint.address.empty()) ::inet_pton(AF_INET6, endpoint.address.c_str(), &six->sin6_addr);
  six->sin6_port = htons(endpoint.port);
  address.size = sizeof(sockaddr_in6);
  return address;
}

enum class Sharing { none, between_loops };

// A socket bound to the address; not listening yet. -1 with errno.
int bind_tcp(const net::Endpoint& endpoint, Sharing sharing) {
  const Address address = address_of(endpoint);
  const int family = address.storage.ss_family;
  const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (sharing == Sharing::between_loops) {
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  }
  // "every address" means both families.
  if (family == AF_INET6 && endpoint.address.empty()) {
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (::bind(socket, address.get(), address.size) == 0) return socket;
  const int code = errno;
  ::close(socket);
  errno = code;
  return -1;
}

Result<int> listen_unix(const net::Endpoint& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.address.size() >= sizeof(address.sun_path)) return failed(endpoint, ENAMETOOLONG);
  std::memcpy(address.sun_path, endpoint.address.data(), endpoint.address.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return failed(endpoint, errno);
  ::unlink(endpoint.address.c_str());
  const mode_t before = ::umask(0177);  // nobody else, not even for a moment
  const bool good =
      ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::listen(socket, kBacklog) == 0;
  const int code = errno;
  ::umask(before);
  if (good) return socket;
  ::close(socket);
  return failed(endpoint, code);
}

std::uint16_t port_of(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size);
  if (storage.ss_family == AF_INET)
    return ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
  return ntohs(reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
}

}  // namespace

Result<int> listen_beside(const net::Endpoint& bound) {
  const int socket = bind_tcp(bound, Sharing::between_loops);
  if (socket < 0) return failed(bound, errno);
  if (::listen(socket, kBacklog) == 0) return socket;
  const int code = errno;
  ::close(socket);
  return failed(bound, code);
}

Result<std::pair<int, net::Endpoint>> listen_on(const net::Endpoint& endpoint) {
  if (endpoint.unix_socket) {
    HF_TRY(const int socket, listen_unix(endpoint));
    return std::pair(socket, endpoint);
  }
  // With SO_REUSEPORT alone a second server would quietly take half of the connections.
  const int probe = bind_tcp(endpoint, Sharing::none);
  if (probe < 0) return failed(endpoint, errno);
  ::close(probe);
  HF_TRY(const int socket, listen_beside(endpoint));
  net::Endpoint bound = endpoint;
  bound.port = port_of(socket);
  return std::pair(socket, bound);
}

}  // namespace holdfast::http
