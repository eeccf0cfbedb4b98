#include <gtest/gtest.h>

#include "net/address.hpp"
#include "net/proxy_protocol.hpp"
#include "net/tls.hpp"

namespace holdfast::net {
namespace {

TEST(Endpoint, ParsesItsForms) {
  for (const std::string_view text : {"127.0.0.1:8443", "[::1]:0", ":443", "unix:/run/x.sock"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->text(), text);
  }
  EXPECT_EQ(Endpoint::parse("localhost:1")->address, "127.0.0.1");
  for (const std::string_view text : {"", "8443", "::1:80", "1.2.3:80", "1.2.3.4:65536",
                                      "1.2.3.4:-1", "1.2.3.4:", "unix:x", "host:80"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(Network, ContainsByPrefixInBothFamilies) {
  const auto ten = Network::parse("10.0.0.0/8").value();
  EXPECT_TRUE(ten.contains("10.255.0.1"));
  EXPECT_TRUE(ten.contains("::ffff:10.1.2.3"));
  EXPECT_FALSE(ten.contains("11.0.0.1"));
  EXPECT_FALSE(ten.contains("nonsense"));
  EXPECT_TRUE(Network::parse("192.0.2.7").value().contains("192.0.2.7"));
  EXPECT_FALSE(Network::parse("192.0.2.7").value().contains("192.0.2.8"));
  EXPECT_TRUE(Network::parse("192.0.2.128/25").value().contains("192.0.2.200"));
  EXPECT_FALSE(Network::parse("192.0.2.128/25").value().contains("192.0.2.100"));
  EXPECT_TRUE(Network::parse("0.0.0.0/0").value().contains("1.2.3.4"));
  EXPECT_FALSE(Network::parse("0.0.0.0/0").value().contains("::1"));
  EXPECT_TRUE(Network::parse("2001:db8::/33").value().contains("2001:db8:7fff::1"));
  EXPECT_FALSE(Network::parse("2001:db8::/33").value().contains("2001:db8:8000::1"));
  for (const std::string_view text :
       {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8"}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

TEST(ProxyHeader, ReadsBothVersions) {
  const std::string one = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET /";
  const auto first = parse_proxy_header(one).value();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->address, "192.0.2.1");
  EXPECT_EQ(first->port, 56324);
  EXPECT_EQ(one.substr(first->size_bytes), "GET /");
  EXPECT_EQ(parse_proxy_header("PROXY UNKNOWN\r\n").value()->address, "");
  EXPECT_EQ(parse_proxy_header("PROXY TCP6 2001:db8::1 ::1 1 2\r\n").value()->address,
            "2001:db8::1");
  const std::string two = std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16) +
                          std::string("\xc0\0\x02\x01\xc0\0\x02\x02\xdc\x04\x01\xbb", 12);
  const auto second = parse_proxy_header(two + "rest").value();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->address, "192.0.2.1");
  EXPECT_EQ(second->port, 56324);
  EXPECT_EQ(second->size_bytes, two.size());
  for (std::size_t cut = 0; cut < two.size(); ++cut)
    EXPECT_EQ(parse_proxy_header(two.substr(0, cut)).value(), std::nullopt);
  for (std::size_t cut = 0; cut < 40; ++cut)
    EXPECT_EQ(parse_proxy_header(one.substr(0, cut)).value(), std::nullopt);
}

// inet_pton reads up to the NUL and would have taken the rest for a part of the address.
TEST(ProxyHeader, ANulInAnAddressIsRefused) {
  EXPECT_FALSE(parse_proxy_header(std::string("PROXY TCP4 1.2.3.4\0x 1.2.3.4 1 2\r\n", 34)));
  EXPECT_FALSE(Network::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST(ProxyHeader, RefusesTheRest) {
  for (const std::string& text :
       {std::string("GET / HTTP/1.1\r\n"), std::string("PROXY TCP4 1.2.3.4\r\n"),
        std::string("PROXY TCP4 a b 1 2\r\n"),
        std::string("PROXY TCP4 1.2.3.4 1.2.3.4 70000 1\r\n"), "PROXY " + std::string(200, 'x'),
        std::string("\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c", 16),
        std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16),
        std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x01x", 17)}) {
    EXPECT_FALSE(parse_proxy_header(text)) << text;
  }
}

TEST(Tls, RefusesWhatIsNoCertificate) {
  EXPECT_EQ(TlsContext::create("nonsense", "nonsense").error().reason, kCertificateInvalid);
}

}  // namespace
}  // namespace holdfast::net
