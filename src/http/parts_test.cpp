#include <gtest/gtest.h>
#include <string>

#include "http/chunked.hpp"
#include "http/conditional.hpp"
#include "http/form.hpp"
#include "http/head.hpp"
#include "http/origin.hpp"
#include "http/range.hpp"

namespace holdfast::http {
namespace {

std::string get(const std::string& fields) {
  return "GET /v2/?n=1 HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

TEST(Head, IsParsedIntoViews) {
  const std::string bytes =
      get("A:  b \r\nContent-Length: 12\r\nExpect: 100-Continue\r\nConnection: x, Close\r\n");
  EXPECT_EQ(find_head_end(bytes + "body"), bytes.size());
  EXPECT_EQ(find_head_end(bytes.substr(0, bytes.size() - 1)), std::nullopt);
  const auto head = parse_head(bytes);
  ASSERT_TRUE(head) << describe(head.error());
  EXPECT_EQ(head->method, Method::get);
  EXPECT_EQ(head->path, "/v2/");
  EXPECT_EQ(head->query, "n=1");
  EXPECT_EQ(head->fields.at(1).second, "b");
  EXPECT_EQ(head->content_length, 12U);
  EXPECT_TRUE(head->expects_continue);
  EXPECT_FALSE(head->keep_alive);
  const std::string absolute = "PUT http://other:1/x HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(parse_head(absolute)->authority, "other:1");
  EXPECT_EQ(parse_head(absolute)->path, "/x");
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
}

TEST(Head, RefusesWhatTwoServersWouldReadDifferently) {
  for (const std::string& bytes :
       {get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
        get("Content-Length: 1\r\nContent-Length: 2\r\n"),
        get("Content-Length: +1\r\n"),
        get("Content-Length: 1,1\r\n"),
        get("Content-Length:\r\n"),
        get("Transfer-Encoding: gzip, chunked\r\n"),
        get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        get("A : b\r\n"),
        get(" folded\r\n"),
        get("A: b\r\n folded\r\n"),
        get("A: b\nB: c\r\n"),
        get("A: \x01\r\n"),
        get("A\r\n"),
        get(": b\r\n"),
        get("Host: second\r\n"),
        get(std::string("A: \0b\r\n", 7)),
        std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("GET  HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET /\xc3 HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("G@T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\n"),
        std::string("GET /\r\n\r\n"),
        std::string("\r\n\r\n"),
        std::string("GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")}) {
    EXPECT_FALSE(parse_head(bytes)) << bytes;
  }
  std::string many;
  for (int i = 0; i < 300; ++i) many += "A: b\r\n";
  EXPECT_FALSE(parse_head(get(many)));
}

std::string decoded(std::string bytes, std::size_t step, std::string* rest = nullptr) {
  ChunkedDecoder decoder;
  std::string payload;
  for (std::size_t at = 0; at < bytes.size();) {
    std::string piece = bytes.substr(at, step);
    const auto done = decoder.decode(std::as_writable_bytes(std::span(piece)));
    if (!done) return "error";
    payload += piece.substr(0, done->payload_bytes);
    at += done->consumed_bytes;
    if (decoder.done()) {
      if (rest != nullptr) *rest = bytes.substr(at);
      return payload;
    }
  }
  return "unfinished " + payload;
}

TEST(Chunked, DecodesInPlaceHoweverItIsCut) {
  const std::string bytes =
      "5\r\nhello\r\n1;x=y\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nNEXT";
  for (const std::size_t step : {1UZ, 2UZ, 3UZ, 7UZ, 1000UZ}) {
    std::string rest;
    EXPECT_EQ(decoded(bytes, step, &rest), "hello 0123456789") << step;
    EXPECT_EQ(rest, "NEXT");
  }
  EXPECT_EQ(decoded("0\r\n\r\n", 1000), "");
}

TEST(Chunked, RefusesTheRest) {
  for (const std::string& bytes :
       {std::string("5\nhello\r\n0\r\n\r\n"), std::string("\r\n"), std::string("g\r\n"),
        std::string("-1\r\n"), std::string("5\r\nhelloX\r\n"), std::string("1234567890123456\r\n"),
        std::string("5\r\nhello\r0\r\n\r\n"),
        "1;" + std::string(20'000, 'x') + "\r\na\r\n0\r\n\r\n", std::string("0\r\nA: b\n\r\n")}) {
    EXPECT_EQ(decoded(bytes, 1000), "error") << bytes.substr(0, 40);
  }
  EXPECT_EQ(decoded("5\r\nhel", 1000), "unfinished hel");
}

TEST(Form, DecodesPairsInOrder) {
  const auto form = Form::parse("scope=a%3Ab&scope=c+d&&empty=&bare");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->values("scope"), (std::vector<std::string_view>{"a:b", "c d"}));
  EXPECT_EQ(form->value("empty"), "");
  EXPECT_EQ(form->value("bare"), "");
  EXPECT_EQ(form->value("none"), std::nullopt);
  for (const std::string_view text : {"a=%", "a=%4", "a=%zz", "%=1"})
    EXPECT_EQ(Form::parse(text), std::nullopt) << text;
  std::string many;
  for (int i = 0; i < 257; ++i) many += "a=b&";
  EXPECT_EQ(Form::parse(many), std::nullopt);
}

TEST(Range, FollowsRfc9110AndTheConformanceSuite) {
  using Kind = RangeRequest::Kind;
  const auto part = [](std::string_view field, std::uint64_t offset, std::uint64_t length) {
    const auto range = parse_range(field, 1000);
    EXPECT_EQ(range.kind, Kind::part) << field;
    EXPECT_EQ(range.offset, offset) << field;
    EXPECT_EQ(range.length_bytes, length) << field;
  };
  part("bytes=0-0", 0, 1);
  part("bytes=10-19", 10, 10);
  part("bytes=990-", 990, 10);
  part("bytes=0-9999", 0, 1000);
  part("bytes=-5", 995, 5);
  part("bytes=-5000", 0, 1000);
  part("Bytes=999-999", 999, 1);
  part("bytes=10-99999999999999999999", 10, 990);
  for (const std::string_view field : {"bytes=1000-", "bytes=500-0", "bytes=-0", "bytes=5000-6000",
                                       "bytes=99999999999999999999-"}) {
    EXPECT_EQ(parse_range(field, 1000).kind, Kind::unsatisfiable) << field;
  }
  for (const std::string_view field : {"", "items=0-1", "bytes=a-b", "bytes=0-1,3-4", "bytes",
                                       "bytes=", "bytes=--1", "bytes=0x1-2"}) {
    EXPECT_EQ(parse_range(field, 1000).kind, Kind::whole) << field;
  }
  EXPECT_EQ(parse_range("bytes=0-", 0).kind, Kind::unsatisfiable);
}

TEST(Range, OfChunks) {
  EXPECT_EQ(parse_chunk_range("0-9")->last, 9U);
  for (const std::string_view field :
       {"", "5", "5-", "-5", "9-0", "bytes 0-9", "0-9/10", "0-18446744073709551615", "0 - 9"}) {
    EXPECT_FALSE(parse_chunk_range(field)) << field;
  }
}

TEST(Conditional, EntityTagsInEveryForm) {
  for (const std::string_view field :
       {"\"sha256:a\"", "sha256:a", "W/\"sha256:a\"", "*", "\"x\", \"sha256:a\""}) {
    EXPECT_TRUE(matches_etag(field, "sha256:a")) << field;
  }
  for (const std::string_view field : {"", "\"sha256:b\"", "sha256", "\"sha256:a"}) {
    EXPECT_FALSE(matches_etag(field, "sha256:a")) << field;
  }
}

TEST(Conditional, AcceptOverSeveralFieldsAndLists) {
  constexpr std::string_view kType = "application/vnd.oci.image.index.v1+json";
  EXPECT_TRUE(accepts({}, kType));
  EXPECT_TRUE(accepts({""}, kType));
  EXPECT_TRUE(accepts({"text/html", "*/*;q=0.1"}, kType));
  EXPECT_TRUE(accepts({"text/html, application/vnd.oci.image.index.v1+json; q=0.5"}, kType));
  EXPECT_TRUE(accepts({"application/*"}, kType));
  EXPECT_FALSE(accepts({"application/json"}, kType));
  EXPECT_FALSE(accepts({"text/*"}, kType));
  EXPECT_FALSE(accepts({"application/vnd.oci.image.index.v1+json;q=0"}, kType));
}

Request with(std::vector<std::pair<std::string_view, std::string_view>> fields) {
  Request request;
  request.fields = std::move(fields);
  return request;
}

TEST(Origin, ForwardedFieldsCountOnlyFromTrustedProxies) {
  const std::vector<net::Network> trusted = {net::Network::parse("10.0.0.0/8").value()};
  const Request request = with({{"Host", "inner:8080"},
                                {"X-Forwarded-For", "6.6.6.6, 192.0.2.7:4711, 10.0.0.2"},
                                {"X-Forwarded-Proto", "https"},
                                {"X-Forwarded-Host", "dtr.example.com"},
                                {"X-Forwarded-Port", "8443"}});
  const Client honest = resolve_client({"10.0.0.1", 1, false, ""}, request, trusted);
  EXPECT_EQ(honest.address, "192.0.2.7");
  EXPECT_TRUE(honest.secure);
  EXPECT_EQ(honest.host, "dtr.example.com:8443");
  const Client stranger = resolve_client({"192.0.2.66", 1, false, ""}, request, trusted);
  EXPECT_EQ(stranger.address, "192.0.2.66");
  EXPECT_FALSE(stranger.secure);
  EXPECT_EQ(stranger.host, "inner:8080");
  const Client hostile = resolve_client(
      {"10.0.0.1", 1, false, ""},
      with({{"Host", "h"}, {"X-Forwarded-Host", "a\"b"}, {"X-Forwarded-For", "junk"}}), trusted);
  EXPECT_EQ(hostile.host, "h");
  EXPECT_EQ(hostile.address, "10.0.0.1");
}

}  // namespace
}  // namespace holdfast::http
