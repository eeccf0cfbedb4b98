#include "http/server.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "crypto/authority.hpp"
#include "http/pieces.hpp"

namespace holdfast::http {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// A blocking client socket with a deadline.
class Peer {
 public:
  explicit Peer(const net::Endpoint& endpoint) {
    if (endpoint.unix_socket) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strncpy(address.sun_path, endpoint.address.c_str(), sizeof(address.sun_path) - 1);
      socket_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
      EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      return;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval deadline{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Peer() { ::close(socket_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(std::string_view text) const {
    (void)::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Until the end, or until `mark` was seen.
  [[nodiscard]] std::string read(std::string_view mark = "") const {
    std::string all;
    char buffer[65536];
    while (mark.empty() || all.find(mark) == std::string::npos) {
      const ssize_t got = ::recv(socket_, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      all.append(buffer, static_cast<std::size_t>(got));
    }
    return all;
  }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_ = -1;
};

// Bytes of a file that disappears from its folder at once.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(std::uint64_t size) : file_(std::tmpfile()) {
    EXPECT_EQ(::ftruncate(fileno(file_), static_cast<off_t>(size)), 0);
  }
  ~FileSource() override { std::fclose(file_); }
  [[nodiscard]] std::optional<int> descriptor() const override { return fileno(file_); }
  Result<std::size_t> read_at(std::uint64_t, std::span<std::byte>) override {
    return std::size_t{0};
  }

 private:
  std::FILE* file_;
};

class MemorySource final : public ByteSource {
 public:
  [[nodiscard]] std::optional<int> descriptor() const override { return std::nullopt; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    for (std::byte& byte : into) byte = static_cast<std::byte>('a' + offset++ % 26);
    return into.size();
  }
};

// "one", nothing yet, "two and three"; then the end, or an error.
class Pieces final : public PieceSource {
 public:
  explicit Pieces(bool fails) : fails_(fails) {}
  boost::asio::awaitable<Result<std::optional<std::string>>> next() override {
    constexpr std::array<std::string_view, 3> kPieces = {"one", "", "two and three"};
    if (at_ < kPieces.size()) co_return std::optional(std::string(kPieces.at(at_++)));
    if (fails_) co_return fail(ErrorCode::unavailable, "test", "the rest is not there");
    co_return std::optional<std::string>();
  }

 private:
  const bool fails_;
  std::size_t at_ = 0;
};

class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override {
    server_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  boost::asio::awaitable<Response> handle(Request& request, Body& body) {
    seen_client_ = request.client;
    if (request.path == "/throw") throw std::runtime_error("bug");
    if (request.path == "/ignore") co_return Response(403);
    if (request.path == "/file") {
      co_return Response().source({std::make_shared<FileSource>(100'000'000), 5, 90'000'000});
    }
    if (request.path == "/memory") {
      co_return Response().source({std::make_shared<MemorySource>(), 1, 200'000});
    }
    if (request.path == "/pieces" || request.path == "/broken") {
      co_return Response().pieces(std::make_shared<Pieces>(request.path == "/broken"));
    }
    if (request.path == "/none") co_return Response(204);
    if (request.path == "/wait") {
      waiting_ = true;
      co_await pool_.run([this] { wait_until([this] { return release_.load(); }); });
    }
    auto read = co_await body.read_all(1'000'000);
    if (!read) {
      last_error_ = std::string(read.error().reason);
      co_return Response(400).text(last_error_);
    }
    co_return Response()
        .field("X-Path", request.path)
        .text(std::string(request.method_text) + ":" + *read);
  }

  static void wait_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(condition());
  }

  Options options() {
    Options options;
    options.threads = 2;
    options.listeners.push_back(
        {net::Endpoint::parse("127.0.0.1:0").value(), nullptr, false,
         [this](Request& request, Body& body) { return handle(request, body); }});
    return options;
  }
  void start(Options options) {
    auto started = Server::start(std::move(options), pool_);
    ASSERT_TRUE(started) << describe(started.error());
    server_ = *std::move(started);
  }
  std::string exchange(std::string_view text) {
    const Peer peer(server_->bound(0));
    peer.send(text);
    return peer.read();
  }

  async::BlockingPool pool_{2};
  Client seen_client_;
  std::string last_error_;
  std::atomic<bool> waiting_{false};
  std::atomic<bool> release_{false};
  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
};

constexpr std::string_view kClose = "Host: h\r\nConnection: close\r\n\r\n";

TEST_F(ServerTest, ABodyInPiecesGoesOutInChunks) {
  start(options());
  constexpr std::string_view kWhole = "\r\n\r\n3\r\none\r\nd\r\ntwo and three\r\n0\r\n\r\n";
  const Peer peer(server_->bound(0));
  peer.send("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string first = peer.read("0\r\n\r\n");
  EXPECT_THAT(first, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(first, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(first, EndsWith(kWhole));
  // The connection goes on behind it.
  peer.send("HEAD /pieces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer.read(),
              AllOf(HasSubstr("chunked"), EndsWith("\r\n\r\n"), Not(HasSubstr("one"))));
  // HTTP/1.0 has no chunks: the end of the connection is the end.
  const Peer old(server_->bound(0));
  old.send("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(old.read(), AllOf(Not(HasSubstr("chunked")), EndsWith("\r\n\r\nonetwo and three")));
}

TEST_F(ServerTest, ABodyWhosePiecesEndEarlyHasNoEnd) {
  start(options());
  const Peer peer(server_->bound(0));
  peer.send("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(peer.read(), EndsWith("3\r\none\r\nd\r\ntwo and three\r\n"));
}

TEST_F(ServerTest, AnswersWithLengthDateAndId) {
  start(options());
  const std::string answer = exchange("GET /x?y HTTP/1.1\r\n" + std::string(kClose));
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, testing::HasSubstr("X-Request-Id: "));
  EXPECT_THAT(answer, testing::HasSubstr(
                          "X-Path: /x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nGET:"));
  EXPECT_EQ(seen_client_.address, "127.0.0.1");
}

TEST_F(ServerTest, KeepsTheConnectionAndTakesRequestsInARow) {
  start(options());
  const Peer peer(server_->bound(0));
  peer.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(peer.read("GET:"), testing::Not(testing::HasSubstr("Connection: close")));
  peer.send(
      "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcPOST /3 HTTP/1.1\r\nHost: "
      "h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\ndef\r\n0\r\n\r\nHEAD /4 HTTP/1.1\r\n" +
      std::string(kClose));
  const std::string answers = peer.read();
  EXPECT_THAT(answers, testing::HasSubstr("POST:abc"));
  EXPECT_THAT(answers, testing::HasSubstr("POST:def"));
  EXPECT_THAT(answers, testing::EndsWith("Content-Length: 5\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(server_->counters().connections_accepted, 1U);
}

TEST_F(ServerTest, SendsContinueOnlyWhenTheBodyIsRead) {
  start(options());
  const Peer asked(server_->bound(0));
  asked.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(asked.read("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  asked.send("abc");
  EXPECT_THAT(asked.read("PUT:abc"), testing::HasSubstr("PUT:abc"));
  const Peer refused(server_->bound(0));
  refused.send(
      "PUT /ignore HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const std::string answer = refused.read("\r\n\r\n");
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(answer, testing::HasSubstr("Connection: close"));
}

TEST_F(ServerTest, AnUnreadBodyIsDrainedOrTheConnectionEnds) {
  start(options());
  const Peer peer(server_->bound(0));
  peer.send(
      "PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789GET /2 HTTP/1.1\r\n" +
      std::string(kClose));
  EXPECT_THAT(peer.read(), testing::HasSubstr("X-Path: /2"));
  const Peer large(server_->bound(0));
  large.send("PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n");
  large.send(std::string(1'000'000, 'x'));
  const std::string answer = large.read("\r\n\r\n");
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(answer, testing::HasSubstr("Connection: close"));
}

TEST_F(ServerTest, RefusesMalformedHeadsAndBodiesAsJson) {
  start(options());
  const std::pair<std::string, std::string> cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505"},
      {"GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 414"},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n", "HTTP/1.1 431"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400"},
  };
  for (const auto& [bytes, begin] : cases) {
    const std::string answer = exchange(bytes);
    EXPECT_THAT(answer, testing::StartsWith(begin));
    EXPECT_THAT(answer, testing::HasSubstr("{\"errors\":[{\"code\":"));
  }
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + std::string(kClose) +
                       "zz\r\n"),
              testing::HasSubstr(std::string(kBodyMalformed)));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nContent-Length: 2000000\r\n" + std::string(kClose) +
                       std::string(2'000'000, 'x')),
              testing::HasSubstr(std::string(kBodyTooLarge)));
}

TEST_F(ServerTest, ABugIsA500WithTheRequestsId) {
  start(options());
  testing::internal::CaptureStderr();
  const std::string answer = exchange("GET /throw HTTP/1.1\r\n" + std::string(kClose));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(answer, testing::Not(testing::HasSubstr("bug\"")));
  EXPECT_THAT(log, testing::HasSubstr("error=bug"));
}

TEST_F(ServerTest, SendsFilesAndOtherSources) {
  start(options());
  EXPECT_EQ(exchange("GET /file HTTP/1.1\r\n" + std::string(kClose)).size() / 1'000'000, 90U);
  const std::string answer = exchange("GET /memory HTTP/1.1\r\n" + std::string(kClose));
  const std::string body = answer.substr(answer.find("\r\n\r\n") + 4);
  EXPECT_EQ(body.size(), 200'000U);
  EXPECT_THAT(body, testing::StartsWith("bcdef"));
  EXPECT_THAT(exchange("HEAD /file HTTP/1.1\r\n" + std::string(kClose)),
              testing::EndsWith("Content-Length: 90000000\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(exchange("GET /none HTTP/1.1\r\n" + std::string(kClose)),
              testing::Not(testing::HasSubstr("Content-Length")));
}

TEST_F(ServerTest, SlowHeadsAndIdleConnectionsEnd) {
  Options slow = options();
  slow.limits.header_timeout = seconds(1);
  slow.limits.idle_timeout = seconds(1);
  slow.limits.body_timeout = seconds(1);
  start(std::move(slow));
  const Peer head(server_->bound(0));
  head.send("GET / HTTP/1.1\r\nHo");
  const Peer silent(server_->bound(0));
  const Peer idle(server_->bound(0));
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const Peer body(server_->bound(0));
  body.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_THAT(head.read(), testing::StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(silent.read(), "");
  EXPECT_THAT(idle.read(), testing::EndsWith("GET:"));
  (void)body.read();
  wait_until([this] { return server_->counters().connections_open == 0; });
  EXPECT_EQ(last_error_, kBodyTruncated);
}

TEST_F(ServerTest, TooManyConnectionsAreToldAndCounted) {
  Options small = options();
  small.limits.connections = 2;
  start(std::move(small));
  const Peer one(server_->bound(0));
  const Peer two(server_->bound(0));
  wait_until([this] { return server_->counters().connections_open == 2; });
  EXPECT_THAT(Peer(server_->bound(0)).read(), testing::StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(server_->counters().connections_refused, 1U);
}

TEST_F(ServerTest, StopLetsARequestEndAndClosesIdleOnes) {
  start(options());
  const Peer idle(server_->bound(0));
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  (void)idle.read("GET:");
  const Peer busy(server_->bound(0));
  busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  wait_until([this] { return waiting_.load(); });
  std::thread stopper([this] { server_->stop(seconds(20)); });
  EXPECT_EQ(idle.read(), "");
  release_ = true;
  const std::string answer = busy.read();
  EXPECT_THAT(answer, testing::HasSubstr("Connection: close"));
  EXPECT_THAT(answer, testing::EndsWith("GET:"));
  stopper.join();
}

TEST_F(ServerTest, APortInUseIsRefusedWithItsName) {
  start(options());
  Options same = options();
  same.listeners[0].endpoint = server_->bound(0);
  const auto second = Server::start(std::move(same), pool_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, testing::HasSubstr(server_->bound(0).text()));
  EXPECT_THAT(second.error().message, testing::HasSubstr("in use"));
}

TEST_F(ServerTest, ServesAUnixSocketForItsOwnerAlone) {
  std::string name = (std::filesystem::temp_directory_path() / "holdfast-http-XXXXXX").string();
  folder_ = mkdtemp(name.data());
  Options local = options();
  local.listeners[0].endpoint = net::Endpoint::parse("unix:" + (folder_ / "s").string()).value();
  std::ofstream(folder_ / "s") << "left over";
  start(std::move(local));
  EXPECT_EQ(std::filesystem::status(folder_ / "s").permissions() & std::filesystem::perms::all,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\n" + std::string(kClose)), testing::EndsWith("GET:"));
  server_->stop(seconds(1));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "s"));
}

TEST_F(ServerTest, TheProxyProtocolIsReadFromTrustedProxiesAlone) {
  Options proxied = options();
  proxied.listeners[0].proxy_protocol = true;
  proxied.trusted_proxies = {net::Network::parse("127.0.0.1").value()};
  start(std::move(proxied));
  EXPECT_THAT(exchange("PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\nGET / "
                       "HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\n" +
                       std::string(kClose)),
              testing::EndsWith("GET:"));
  EXPECT_EQ(seen_client_.address, "192.0.2.1");
  EXPECT_EQ(exchange("GET / HTTP/1.1\r\n" + std::string(kClose)), "");
  server_.reset();
  Options untrusting = options();
  untrusting.listeners[0].proxy_protocol = true;
  start(std::move(untrusting));
  EXPECT_EQ(exchange("PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\nGET / HTTP/1.1\r\n" +
                     std::string(kClose)),
            "");
}

// OpenSSL's client on a Peer.
class TlsPeer {
 public:
  TlsPeer(const net::Endpoint& endpoint, const std::string& ca, SSL_SESSION* session = nullptr)
      : peer_(endpoint),
        context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
        ssl_(nullptr, &SSL_free) {
    BIO* bio = BIO_new_mem_buf(ca.data(), static_cast<int>(ca.size()));
    X509* root = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), root);
    X509_free(root);
    BIO_free(bio);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), peer_.socket());
    SSL_set1_host(ssl_.get(), "localhost");
    if (session != nullptr) SSL_set_session(ssl_.get(), session);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  [[nodiscard]] SSL_SESSION* session() const { return SSL_get1_session(ssl_.get()); }
  std::string exchange(std::string_view text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    std::string all;
    char buffer[65536];
    for (int got = 0; (got = SSL_read(ssl_.get(), buffer, sizeof(buffer))) > 0;)
      all.append(buffer, static_cast<std::size_t>(got));
    return all;
  }

 private:
  Peer peer_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool connected_ = false;
};

class TlsServerTest : public ServerTest {
 protected:
  TlsServerTest() {
    const auto leaf =
        crypto::issue_server(root_, {"localhost"}, SystemClock().now(), std::chrono::days(1))
            .value();
    tls_ = net::TlsContext::create(leaf.certificate_pem, leaf.key_pem).value();
    Options secure = options();
    secure.listeners[0].tls = tls_;
    secure.limits.header_timeout = seconds(2);
    start(std::move(secure));
  }
  crypto::KeyPair root_ = crypto::make_root("test", SystemClock().now());
  std::shared_ptr<net::TlsContext> tls_;
};

TEST_F(TlsServerTest, ServesAndResumes) {
  TlsPeer first(server_->bound(0), root_.certificate_pem);
  ASSERT_TRUE(first.connected());
  EXPECT_THAT(first.exchange("GET /x HTTP/1.1\r\n" + std::string(kClose)),
              testing::EndsWith("GET:"));
  EXPECT_TRUE(seen_client_.secure);
  SSL_SESSION* session = first.session();
  TlsPeer second(server_->bound(0), root_.certificate_pem, session);
  SSL_SESSION_free(session);
  ASSERT_TRUE(second.connected());
  EXPECT_TRUE(second.resumed());
  EXPECT_EQ(second.exchange("GET /file HTTP/1.1\r\n" + std::string(kClose)).size() / 1'000'000,
            90U);
  EXPECT_EQ(server_->counters().tls_sessions_resumed, 1U);
}

TEST_F(TlsServerTest, ACertificateIsReplacedWhileConnectionsRun) {
  TlsPeer open(server_->bound(0), root_.certificate_pem);
  ASSERT_TRUE(open.connected());
  const crypto::KeyPair other_root = crypto::make_root("other", SystemClock().now());
  const auto leaf =
      crypto::issue_server(other_root, {"localhost"}, SystemClock().now(), std::chrono::days(1))
          .value();
  EXPECT_FALSE(tls_->replace(leaf.certificate_pem, root_.key_pem));
  ASSERT_TRUE(tls_->replace(leaf.certificate_pem, leaf.key_pem));
  EXPECT_THAT(open.exchange("GET /x HTTP/1.1\r\n" + std::string(kClose)),
              testing::EndsWith("GET:"));
  EXPECT_FALSE(TlsPeer(server_->bound(0), root_.certificate_pem).connected());
  EXPECT_TRUE(TlsPeer(server_->bound(0), other_root.certificate_pem).connected());
}

TEST_F(TlsServerTest, PlainHttpGetsASentenceAndJunkIsCounted) {
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\n" + std::string(kClose)),
              testing::HasSubstr("use https://"));
  EXPECT_THAT(exchange(std::string("\x16\x03\x01\0\x05hello", 10)),
              testing::Not(testing::HasSubstr("HTTP")));
  wait_until([this] { return server_->counters().tls_handshakes_failed == 1; });
}

}  // namespace
}  // namespace holdfast::http
