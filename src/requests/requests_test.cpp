#include "requests/requests.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace holdfast::requests {
namespace {

using testing::HasSubstr;
using testing::Not;

// Answers one request with these bytes, keeps what it was sent, and closes unless it is to hang.
class Server {
 public:
  enum class Then { close, hang };
  explicit Server(std::string answer, Then then = Then::close)
      : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, any, size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, any, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer), then] { serve(answer, then); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }
  // What it was sent; ends the server.
  std::string request() {
    thread_.join();
    return request_;
  }

 private:
  void serve(const std::string& answer, Then then) {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    std::string piece(65536, '\0');
    while (!request_.contains("\r\n\r\n")) {
      const ssize_t got = ::recv(client, piece.data(), piece.size(), 0);
      if (got <= 0) break;
      request_.append(piece, 0, static_cast<std::size_t>(got));
    }
    std::size_t sent = 0;
    while (sent < answer.size()) {
      const ssize_t put = ::send(client, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (put <= 0) break;
      sent += static_cast<std::size_t>(put);
    }
    // Until the client has had enough.
    while (then == Then::hang && ::recv(client, piece.data(), piece.size(), 0) > 0) {
    }
    ::close(client);
  }

  const int listener_;
  std::uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

TEST(RequestsTest, UrlsThatRequestsAreMadeTo) {
  for (const char* const good :
       {"http://a", "https://scanner.mydns.com:8080/base", "http://[::1]:80"}) {
    EXPECT_TRUE(check_url(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("a"), std::string("file:///etc/passwd"), std::string("ftp://a"),
        std::string("gopher://a"), std::string("http://"), std::string("http://u:p@a"),
        std::string("http://a/?b"), std::string("http://a/?b=c"), std::string("http://a/#c"),
        std::string("http://a b"), std::string("http://a\r\nX: y"), std::string("http://a\\b"),
        "http://" + std::string(3000, 'a')}) {
    const auto checked = check_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().reason, kUrlInvalid);
  }
}

TEST(RequestsTest, WhatIsSentAndAnswered) {
  Server server(
      "HTTP/1.1 302 Found\r\nRefresh-After:  15 \r\nLocation: http://127.0.0.1:1/\r\n"
      "Content-Length: 2\r\n\r\nab");
  const auto answer = send({.method = "POST",
                            .url = server.url("/a/../b"),
                            .fields = {{"Accept", "x/y"}, {"Authorization", "Bearer z"}},
                            .body = "{}"},
                           {}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);  // not followed
  EXPECT_EQ(answer->field("refresh-after"), "15");
  EXPECT_EQ(answer->field("nothing"), "");
  EXPECT_EQ(answer->body, "ab");
  const std::string request = server.request();
  EXPECT_THAT(request, HasSubstr("POST /a/../b HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Accept: x/y\r\n"));
  EXPECT_THAT(request, HasSubstr("Authorization: Bearer z\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Expect")));
}

std::string_view reason_of(const Result<Answer>& answer) {
  return answer ? std::string_view("answered") : answer.error().reason;
}

TEST(RequestsTest, AnswersAreBounded) {
  const Server large("HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x'));
  EXPECT_EQ(reason_of(send({.url = large.url()}, {}, {.answer_bytes = 99'999})), kAnswerTooLarge);
  const Server lying("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", Server::Then::hang);
  EXPECT_EQ(reason_of(send({.url = lying.url()}, {}, {.total = std::chrono::milliseconds(300)})),
            kTooSlow);
  std::string fields;
  for (int i = 0; i < 1000; ++i) fields += fmt::format("f{}: x\r\n", i);
  const Server many("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 0\r\n\r\n");
  const auto answer = send({.url = many.url()}, {}, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->fields.size(), Answer::kFieldsAtMost);
}

TEST(RequestsTest, WhatGoesWrong) {
  const Server broken("SSH-2.0-x\r\n");
  EXPECT_EQ(reason_of(send({.url = broken.url()}, {}, {})), kAnswerBroken);
  const Server silent("");
  EXPECT_EQ(reason_of(send({.url = silent.url()}, {}, {})), kAnswerBroken);
  const Server cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx");
  EXPECT_EQ(reason_of(send({.url = cut.url()}, {}, {})), kAnswerBroken);
  const Server hanging("", Server::Then::hang);
  EXPECT_EQ(reason_of(send({.url = hanging.url()}, {}, {.total = std::chrono::milliseconds(300)})),
            kTooSlow);
  std::string gone;
  {
    const Server closed("");
    gone = closed.url();
  }
  const auto refused = send({.url = gone}, {}, {});
  EXPECT_EQ(reason_of(refused), kUnreachable);
  EXPECT_THAT(refused.error().message, HasSubstr("127.0.0.1"));
  EXPECT_EQ(reason_of(send({.url = "file:///etc/hostname"}, {}, {})), kAnswerBroken);
}

TEST(RequestsTest, OneThatIsToStop) {
  const Server hanging("", Server::Then::hang);
  EXPECT_EQ(reason_of(send({.url = hanging.url()}, {}, {}, [] { return true; })), kStopped);
}

TEST(RequestsTest, ProxiesAreThoseThatAreSet) {
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  const Server direct("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(send({.url = direct.url()}, {}, {}).value().status, 204);
  ::unsetenv("http_proxy");
  Server proxy("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(
      send({.url = "http://nowhere.invalid/a"}, {.http_proxy = proxy.url("")}, {}).value().status,
      200);
  EXPECT_THAT(proxy.request(), HasSubstr("GET http://nowhere.invalid/a HTTP/1.1"));
  const Server near("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(
      send({.url = near.url()}, {.http_proxy = "http://127.0.0.1:1", .no_proxy = "127.0.0.1"}, {})
          .value()
          .status,
      204);
}

}  // namespace
}  // namespace holdfast::requests
