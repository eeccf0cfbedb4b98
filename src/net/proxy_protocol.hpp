// The PROXY protocol's header, versions 1 and 2 (haproxy.org/download/2.7/doc/proxy-protocol.txt).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::net {

inline constexpr std::string_view kProxyHeaderInvalid = "proxy_header_invalid";  // invalid

// The longest header that is read: version 2 with room for its extensions.
inline constexpr std::size_t kProxyHeaderLimitBytes = 536;

struct ProxyHeader {
  std::size_t size_bytes = 0;  // what of the input it was
  std::string address;         // the client's; empty for LOCAL and UNKNOWN
  std::uint16_t port = 0;
  bool operator==(const ProxyHeader&) const = default;
};

// Parses the head of `input`. Nothing when more bytes are needed; invalid/kProxyHeaderInvalid when
// it is no PROXY header.
Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view input);

}  // namespace holdfast::net
