#include "net/proxy_protocol.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <vector>

namespace holdfast::net {

namespace {

constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::size_t kLimit1 = 107;
constexpr std::size_t kHead2 = 16;

using Parsed = Result<std::optional<ProxyHeader>>;

Error invalid() {
  return fail(ErrorCode::invalid, kProxyHeaderInvalid,
              "the connection does not begin with a PROXY protocol header");
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return words;
    line.remove_prefix(space + 1);
  }
}

bool is_address(int family, std::string_view text) {
  std::array<unsigned char, 16> bits{};
  return text.find('\0') == std::string_view::npos &&
         ::inet_pton(family, std::string(text).c_str(), bits.data()) == 1;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

Parsed parse_version1(std::string_view input) {
  const std::size_t end = input.substr(0, kLimit1).find("\r\n");
  if (end == std::string_view::npos) {
    if (input.size() >= kLimit1) return invalid();
    return std::optional<ProxyHeader>();
  }
  const auto words = words_of(input.substr(0, end));
  ProxyHeader header;
  header.size_bytes = end + 2;
  if (words.size() >= 2 && words[1] == "UNKNOWN") return std::optional(header);
  std::uint16_t target_port = 0;
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return invalid();
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  if (!is_address(family, words[2]) || !is_address(family, words[3]) ||
      !parse_port(words[4], header.port) || !parse_port(words[5], target_port)) {
    return invalid();
  }
  header.address = words[2];
  return std::optional(header);
}

unsigned byte_at(std::string_view input, std::size_t at) {
  return static_cast<unsigned char>(input[at]);
}

std::string address_at(std::string_view input, int family, std::size_t at) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, input.data() + at, text.data(), text.size());
  return text.data();
}

Parsed parse_version2(std::string_view input) {
  if (input.size() < kHead2) return std::optional<ProxyHeader>();
  const unsigned command = byte_at(input, 12);
  const unsigned family = byte_at(input, 13);
  const std::size_t length = byte_at(input, 14) * 256 + byte_at(input, 15);
  ProxyHeader header;
  header.size_bytes = kHead2 + length;
  if ((command & 0xf0U) != 0x20 || (command & 0x0fU) > 1 ||
      header.size_bytes > kProxyHeaderLimitBytes) {
    return invalid();
  }
  if (input.size() < header.size_bytes) return std::optional<ProxyHeader>();
  const auto port_at = [&](std::size_t at) {
    return static_cast<std::uint16_t>(byte_at(input, at) * 256 + byte_at(input, at + 1));
  };
  if ((command & 0x0fU) == 0) return std::optional(header);  // LOCAL: the proxy's own check
  if (family == 0x11) {
    if (length < 12) return invalid();
    header.address = address_at(input, AF_INET, kHead2);
    header.port = port_at(kHead2 + 8);
  } else if (family == 0x21) {
    if (length < 36) return invalid();
    header.address = address_at(input, AF_INET6, kHead2);
    header.port = port_at(kHead2 + 32);
  }
  return std::optional(header);
}

bool begins_as(std::string_view input, std::string_view signature) {
  const std::size_t common = std::min(input.size(), signature.size());
  return input.substr(0, common) == signature.substr(0, common);
}

}  // namespace

Parsed parse_proxy_header(std::string_view input) {
  if (begins_as(input, kSignature2)) return parse_version2(input);
  if (begins_as(input, kSignature1)) return parse_version1(input);
  return invalid();
}

}  // namespace holdfast::net
