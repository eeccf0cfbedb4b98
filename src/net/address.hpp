// Where to listen, and who may be trusted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::net {

inline constexpr std::string_view kAddressInvalid = "address_invalid";  // invalid

// "127.0.0.1:8443", "[::1]:8443", ":8443" (every address, both families), "unix:/path".
struct Endpoint {
  std::string address;     // "" for every address; the path for a unix socket
  std::uint16_t port = 0;  // 0: any free one
  bool unix_socket = false;

  static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
};

// "10.0.0.0/8", "::1/128", or one address.
class Network {
 public:
  static Result<Network> parse(std::string_view text);
  // False for what is not an address. An IPv4-mapped IPv6 address counts as its IPv4 one.
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  std::array<unsigned char, 16> bytes_{};
  int prefix_bits_ = 0;  // of the 128-bit form
};

}  // namespace holdfast::net
