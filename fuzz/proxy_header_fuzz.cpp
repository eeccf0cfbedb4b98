// fuzz: net
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/address.hpp"
#include "net/proxy_protocol.hpp"

// A header that parses lies in the input and names an address.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::net;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_proxy_header(text);
  if (!parsed || !parsed->has_value()) return 0;
  const ProxyHeader& header = **parsed;
  if (header.size_bytes > size || header.size_bytes > kProxyHeaderLimitBytes) std::abort();
  if (!header.address.empty() && !Network::parse(header.address)) std::abort();
  return 0;
}
