#include "net/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace holdfast::net {

namespace {

Error invalid(std::string_view text, std::string_view form) {
  return fail(ErrorCode::invalid, kAddressInvalid, fmt::format("\"{}\" is not {}", text, form));
}

// Both families in the 128-bit form; IPv4 as ::ffff:a.b.c.d.
bool parse_bits(std::string_view address, std::array<unsigned char, 16>& bits) {
  if (address.find('\0') != std::string_view::npos) return false;
  const std::string text(address);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) {
    bits = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(bits.data() + 12, &four, 4);
    return true;
  }
  return ::inet_pton(AF_INET6, text.c_str(), bits.data()) == 1;
}

bool parse_number(std::string_view text, int limit, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 && number <= limit;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  constexpr std::string_view kForm = "an endpoint: 127.0.0.1:8443, [::1]:8443, :8443 or unix:/path";
  if (text.starts_with("unix:/")) return Endpoint{std::string(text.substr(5)), 0, true};
  const std::size_t colon = text.rfind(':');
  int port = 0;
  if (colon == std::string_view::npos || !parse_number(text.substr(colon + 1), 65535, port)) {
    return invalid(text, kForm);
  }
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return invalid(text, kForm);
  }
  if (address == "localhost") address = "127.0.0.1";
  std::array<unsigned char, 16> bits{};
  if (!address.empty() && !parse_bits(address, bits)) return invalid(text, kForm);
  return Endpoint{std::string(address), static_cast<std::uint16_t>(port), false};
}

std::string Endpoint::text() const {
  if (unix_socket) return "unix:" + address;
  const bool six = address.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", six ? "[" : "", address, six ? "]" : "", port);
}

Result<Network> Network::parse(std::string_view text) {
  constexpr std::string_view kForm = "a network: 10.0.0.0/8, ::1/128 or one address";
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  Network network;
  if (!parse_bits(address, network.bytes_)) return invalid(text, kForm);
  const bool four = address.find(':') == std::string_view::npos;
  const int bits = four ? 32 : 128;
  int prefix = bits;
  if (slash != std::string_view::npos && !parse_number(text.substr(slash + 1), bits, prefix)) {
    return invalid(text, kForm);
  }
  network.prefix_bits_ = prefix + 128 - bits;
  return network;
}

bool Network::contains(std::string_view address) const {
  std::array<unsigned char, 16> other{};
  if (!parse_bits(address, other)) return false;
  int left = prefix_bits_;
  for (std::size_t i = 0; i < other.size() && left > 0; ++i, left -= 8) {
    const unsigned mask = left >= 8 ? 0xffU : (0xff00U >> static_cast<unsigned>(left)) & 0xffU;
    if (((other.at(i) ^ bytes_.at(i)) & mask) != 0) return false;
  }
  return true;
}

}  // namespace holdfast::net
