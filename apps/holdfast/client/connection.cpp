#include "client/connection.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/version.hpp>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <vector>

#include "codec/text.hpp"

namespace holdfast::client {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;

namespace {

using Stream = beast::ssl_stream<beast::tcp_stream>;
namespace http = beast::http;
constexpr std::chrono::seconds kPatience{60};
constexpr std::uint64_t kAnswerAtMost = 256ULL << 20U;
constexpr std::size_t kPieceBytes = 256UZ << 10U;

bool is_ip(const std::string& host) {
  boost::system::error_code problem;
  asio::ip::make_address(host, problem);
  return !problem;
}

class HttpsConnection final : public Connection {
 public:
  HttpsConnection(Server server, bool anybody)
      : server_(std::move(server)), anybody_(anybody), context_(ssl::context::tls_client) {
    context_.set_verify_mode(anybody ? ssl::verify_none : ssl::verify_peer);
  }

  Result<void> trust(const std::string& pem) {
    boost::system::error_code problem;
    if (pem.empty()) {
      context_.set_default_verify_paths(problem);
    } else {
      context_.add_certificate_authority(asio::buffer(pem), problem);
    }
    if (!problem) return {};
    return fail(ErrorCode::invalid, kCaInvalid,
                "there is no certificate (PEM) in the file of --ca");
  }

  Result<Answer> request(std::string_view method, const std::string& target,
                         const std::string& authorization, std::string body) override {
    http::request<http::string_body> request(http::string_to_verb(method), target, 11);
    set_head(request, authorization);
    if (!body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();
    return run(exchange(request));
  }

  Result<std::unique_ptr<Download>> get(const std::string& target, const std::string& authorization,
                                        const std::string& accept) override {
    http::request<http::empty_body> request(http::verb::get, target, 11);
    set_head(request, authorization);
    if (!accept.empty()) request.set(http::field::accept, accept);
    auto download = std::make_unique<HttpsDownload>(*this);
    HF_CHECK(run(begin(request, *download)));
    return std::unique_ptr<Download>(std::move(download));
  }

  Result<Answer> put(const std::string& target, const std::string& authorization,
                     const Upload& upload) override {
    http::request<http::buffer_body> request(http::verb::put, target, 11);
    set_head(request, authorization);
    request.set(http::field::content_type, "application/octet-stream");
    request.chunked(true);
    std::optional<Error> problem;
    auto answer = run(send(request, upload, problem));
    if (!problem) return answer;
    stream_.reset();
    return *std::move(problem);
  }

 private:
  class HttpsDownload final : public Download {
   public:
    explicit HttpsDownload(HttpsConnection& connection) : connection_(connection) {}
    // What was not read stands in the way of the next request.
    ~HttpsDownload() override {
      if (!parser_.is_done() || !parser_.keep_alive()) connection_.stream_.reset();
    }
    Result<std::size_t> read(std::span<std::byte> into) override {
      if (parser_.is_done()) return 0UZ;
      return connection_.run(connection_.more(*this, into));
    }

   private:
    friend class HttpsConnection;
    HttpsConnection& connection_;
    beast::flat_buffer buffer_;
    http::response_parser<http::buffer_body> parser_;
  };

  // Runs it to its end.
  template <typename T>
  Result<T> run(asio::awaitable<T> work) {
    try {
      T given{};
      asio::co_spawn(io_, std::move(work), [&](const std::exception_ptr& thrown, T got) {
        if (thrown) std::rethrow_exception(thrown);
        given = std::move(got);
      });
      io_.restart();
      io_.run();
      return given;
    } catch (const boost::system::system_error& error) {
      const Error said = explain(error.code());
      stream_.reset();
      return said;
    }
  }

  void set_head(auto& request, const std::string& authorization) const {
    request.set(http::field::host, server_.port == "443" ? shown_host() : server_.text());
    request.set(http::field::user_agent, "holdfast");
    if (!authorization.empty()) request.set(http::field::authorization, authorization);
  }

  asio::awaitable<bool> begin(http::request<http::empty_body>& request, HttpsDownload& download) {
    if (!stream_) co_await connect();
    beast::get_lowest_layer(*stream_).expires_after(kPatience);
    co_await http::async_write(*stream_, request, asio::use_awaitable);
    download.parser_.body_limit(boost::none);
    co_await http::async_read_header(*stream_, download.buffer_, download.parser_,
                                     asio::use_awaitable);
    const auto& head = download.parser_.get();
    download.status = static_cast<int>(head.result_int());
    download.content_type = head[http::field::content_type];
    download.challenge = head[http::field::www_authenticate];
    co_return true;
  }

  asio::awaitable<std::size_t> more(HttpsDownload& download, std::span<std::byte> into) {
    auto& body = download.parser_.get().body();
    while (!download.parser_.is_done()) {
      body.data = into.data();
      body.size = into.size();
      body.more = true;
      beast::get_lowest_layer(*stream_).expires_after(kPatience);
      boost::system::error_code problem;
      co_await http::async_read_some(*stream_, download.buffer_, download.parser_,
                                     asio::redirect_error(asio::use_awaitable, problem));
      if (problem && problem != http::error::need_buffer) {
        throw boost::system::system_error(problem);
      }
      if (body.size < into.size()) co_return into.size() - body.size;
    }
    co_return 0;
  }

  asio::awaitable<Answer> send(http::request<http::buffer_body>& request, const Upload& upload,
                               std::optional<Error>& failed) {
    if (!stream_) co_await connect();
    http::request_serializer<http::buffer_body> serializer(request);
    std::vector<std::byte> piece(kPieceBytes);
    auto& body = request.body();
    while (!serializer.is_done()) {
      auto got = upload(piece);
      if (!got) {
        failed = std::move(got).error();
        co_return Answer();
      }
      body.data = *got == 0 ? nullptr : piece.data();
      body.size = *got;
      body.more = *got != 0;
      beast::get_lowest_layer(*stream_).expires_after(kPatience);
      boost::system::error_code problem;
      co_await http::async_write(*stream_, serializer,
                                 asio::redirect_error(asio::use_awaitable, problem));
      // A server that refuses what is sent may end the connection; what it said is read.
      if (problem && problem != http::error::need_buffer) break;
    }
    co_return co_await answer();
  }

  [[nodiscard]] std::string shown_host() const {
    const bool bare_v6 = server_.host.find(':') != std::string::npos;
    return bare_v6 ? "[" + server_.host + "]" : server_.host;
  }

  // OpenSSL compares names itself, so that its verdict says what was wrong. No TLS name is an
  // address.
  void expect_name(SSL* ssl) const {
    if (is_ip(server_.host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_.host.c_str());
      return;
    }
    SSL_set_tlsext_host_name(ssl, server_.host.c_str());
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, server_.host.c_str());
  }

  asio::awaitable<void> connect() {
    asio::ip::tcp::resolver resolver(io_);
    const auto found =
        co_await resolver.async_resolve(server_.host, server_.port, asio::use_awaitable);
    stream_ = std::make_unique<Stream>(io_, context_);
    expect_name(stream_->native_handle());
    beast::get_lowest_layer(*stream_).expires_after(kPatience);
    co_await beast::get_lowest_layer(*stream_).async_connect(found, asio::use_awaitable);
    co_await stream_->async_handshake(ssl::stream_base::client, asio::use_awaitable);
  }

  // A connection is kept for the pages of a list; one that the server ended meanwhile fails here,
  // and is not tried again: the request may have been done.
  asio::awaitable<Answer> exchange(http::request<http::string_body>& request) {
    if (!stream_) co_await connect();
    beast::get_lowest_layer(*stream_).expires_after(kPatience);
    co_await http::async_write(*stream_, request, asio::use_awaitable);
    co_return co_await answer();
  }

  asio::awaitable<Answer> answer() {
    beast::get_lowest_layer(*stream_).expires_after(kPatience);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerAtMost);
    co_await http::async_read(*stream_, buffer, parser, asio::use_awaitable);
    auto response = parser.release();
    Answer answer{response.result_int() > 0 ? static_cast<int>(response.result_int()) : 0,
                  std::move(response.body()), std::string(response["X-Next-Page-Start"])};
    if (!response.keep_alive()) stream_.reset();
    co_return answer;
  }

  [[nodiscard]] Error untrusted(long verdict) const {
    const std::string where = server_.text();
    const std::string begin = fmt::format("the certificate of {} is not trusted: {}.\n", where,
                                          X509_verify_cert_error_string(verdict));
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
      return fail(ErrorCode::unavailable, kUntrusted,
                  begin + "Use a name that it is for, or add this one to the server's tls.names.");
    }
    return fail(
        ErrorCode::unavailable, kUntrusted,
        begin + fmt::format("When the server has an authority of its own, fetch its "
                            "certificate with\n"
                            "  curl -k https://{}/ca -o ca.crt\n"
                            "compare it with ca.crt in the server's data folder, and give it "
                            "as --ca ca.crt\n"
                            "(holdfast login remembers it)",
                            where));
  }

  [[nodiscard]] Error explain(const boost::system::error_code& problem) {
    const long verdict = stream_ ? SSL_get_verify_result(stream_->native_handle()) : X509_V_OK;
    const std::string where = server_.text();
    if (verdict != X509_V_OK && !anybody_) return untrusted(verdict);
    if (problem == beast::error::timeout) {
      return fail(ErrorCode::unavailable, kUnreachable,
                  fmt::format("{} does not answer in time", where));
    }
    return fail(ErrorCode::unavailable, kUnreachable,
                fmt::format("{} cannot be reached: {}; check the name, the port and the network",
                            where, problem.message()));
  }

  Server server_;
  bool anybody_;
  ssl::context context_;
  asio::io_context io_{1};
  std::unique_ptr<Stream> stream_;
};

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

}  // namespace

std::string Server::text() const {
  const bool bare_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", bare_v6 ? "[" : "", host, bare_v6 ? "]" : "", port);
}

Result<Server> parse_server(std::string_view text) {
  const std::string given(text);
  const auto wrong = [&] {
    return fail(ErrorCode::invalid, kHostInvalid,
                fmt::format("\"{}\" must be HOST or HOST:PORT; HTTPS is spoken there", given));
  };
  if (text.starts_with("https://")) text.remove_prefix(8);
  if (text.ends_with('/')) text.remove_suffix(1);
  Server server{"", "443"};
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return wrong();
    server.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    server.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (!rest.empty()) {
    server.port = rest.substr(1);
    const bool digits =
        std::ranges::all_of(server.port, [](unsigned char c) { return std::isdigit(c) != 0; });
    if (rest.front() != ':' || server.port.empty() || server.port.size() > 5 || !digits) {
      return wrong();
    }
  }
  if (!is_host(server.host)) return wrong();
  return server;
}

Result<std::unique_ptr<Connection>> Connection::make(Server server, const Trust& trust) {
  auto made = std::make_unique<HttpsConnection>(std::move(server), trust.anybody);
  if (!trust.anybody) HF_CHECK(made->trust(trust.ca_pem));
  return std::unique_ptr<Connection>(std::move(made));
}

std::string basic(std::string_view user, std::string_view secret) {
  return "Basic " + codec::base64(fmt::format("{}:{}", user, secret));
}

}  // namespace holdfast::client
