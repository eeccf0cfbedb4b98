// Listening sockets.
#pragma once

#include <utility>

#include "base/result.hpp"
#include "net/address.hpp"

namespace holdfast::http {

// A bound, listening, non-blocking socket that the caller closes, and where it listens. TCP sockets
// share their port with further ones of this process (SO_REUSEPORT), but not with another process:
// unavailable, with "in use" or "permission denied" and the address in the message. A unix socket
// is made with mode 0600; one that a dead process left is replaced.
Result<std::pair<int, net::Endpoint>> listen_on(const net::Endpoint& endpoint);

// Another socket on the same port, for another loop.
Result<int> listen_beside(const net::Endpoint& bound);

}  // namespace holdfast::http
