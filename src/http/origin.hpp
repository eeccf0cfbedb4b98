// Who asks, behind trusted proxies.
#pragma once

#include <string>
#include <vector>

#include "http/message.hpp"
#include "net/address.hpp"

namespace holdfast::http {

// The client as the request tells it. `peer` is the socket's truth, or what the PROXY protocol
// said. X-Forwarded-For (the right-most address that is no trusted proxy), X-Forwarded-Proto, -Host
// and -Port count only when the peer is trusted.
Client resolve_client(const Client& peer, const Request& request,
                      const std::vector<net::Network>& trusted_proxies);

bool is_trusted(const std::vector<net::Network>& trusted_proxies, const std::string& address);

}  // namespace holdfast::http
