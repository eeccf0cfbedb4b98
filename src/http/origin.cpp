#include "http/origin.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace holdfast::http {

namespace {

// "192.0.2.7:1234" and "[::1]:1234" as some proxies write them.
std::string without_port(std::string_view address) {
  if (address.starts_with('[')) return std::string(address.substr(1, address.find(']') - 1));
  if (std::ranges::count(address, ':') == 1) address = address.substr(0, address.find(':'));
  return std::string(address);
}

// A host that may stand in a Location or a challenge: nothing that could end a header or a quote.
bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' ||
           c == ']';
  });
}

std::string_view first_of(std::string_view list) { return trimmed(list.substr(0, list.find(','))); }

}  // namespace

bool is_trusted(const std::vector<net::Network>& trusted_proxies, const std::string& address) {
  return std::ranges::any_of(
      trusted_proxies, [&](const net::Network& network) { return network.contains(address); });
}

Client resolve_client(const Client& peer, const Request& request,
                      const std::vector<net::Network>& trusted_proxies) {
  Client client = peer;
  if (const std::string_view host = request.field("host").value_or(""); is_host(host))
    client.host = host;
  if (!is_trusted(trusted_proxies, peer.address)) return client;
  std::string chain;
  for (const std::string_view field : request.fields_named("x-forwarded-for")) {
    chain += (chain.empty() ? "" : ",") + std::string(field);
  }
  while (!chain.empty()) {
    const std::size_t comma = chain.rfind(',');
    const std::string address = without_port(
        trimmed(std::string_view(chain).substr(comma == std::string::npos ? 0 : comma + 1)));
    chain.resize(comma == std::string::npos ? 0 : comma);
    if (address.empty() || !net::Network::parse(address)) break;
    client.address = address;
    client.port = 0;
    if (!is_trusted(trusted_proxies, address)) break;
  }
  if (const auto scheme = request.field("x-forwarded-proto")) {
    client.secure = equal_ignoring_case(first_of(*scheme), "https");
  }
  if (const auto host = request.field("x-forwarded-host"); host && is_host(first_of(*host))) {
    client.host = first_of(*host);
    const std::string_view port = first_of(request.field("x-forwarded-port").value_or(""));
    const std::string_view usual = client.secure ? "443" : "80";
    if (!port.empty() && port != usual && client.host.find(':') == std::string::npos &&
        std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) {
      client.host += ":" + std::string(port);
    }
  }
  return client;
}

}  // namespace holdfast::http
