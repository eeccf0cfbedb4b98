// Downloads, as cheap for the machine as a client can be: the servers are to be measured.
// Usage: fetch PORT STREAMS plain|tls < request. Each stream sends the request and takes one
// answer. Prints JSON.
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t kBufferBytes = 256UZ * 1024;

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect");
  }
  return socket;
}

class Stream {
 public:
  Stream(int port, SSL_CTX* tls) : socket_(connect_to(port)) {
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, socket_);
    if (SSL_connect(ssl_) != 1) throw std::runtime_error("no handshake");
  }
  ~Stream() {
    SSL_free(ssl_);
    ::close(socket_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void send(std::string_view request) {
    const auto size = static_cast<int>(request.size());
    const ssize_t put = ssl_ != nullptr ? SSL_write(ssl_, request.data(), size)
                                        : ::send(socket_, request.data(), request.size(), 0);
    if (put != size) throw std::runtime_error("the request was not taken");
  }
  // With `keep` into the buffer. Otherwise plain bytes need not even be copied.
  std::size_t receive(std::vector<char>& into, std::size_t most, bool keep) {
    most = std::min(most, into.size());
    const ssize_t got = ssl_ != nullptr ? SSL_read(ssl_, into.data(), static_cast<int>(most))
                                        : ::recv(socket_, into.data(), most, keep ? 0 : MSG_TRUNC);
    if (got <= 0) throw std::runtime_error("the answer ended early");
    return static_cast<std::size_t>(got);
  }

 private:
  int socket_;
  SSL* ssl_ = nullptr;
};

// Gives the bytes of the body.
std::size_t fetch(Stream& stream, std::string_view request) {
  stream.send(request);
  std::vector<char> buffer(kBufferBytes);
  std::string head;
  std::size_t end = std::string::npos;
  while ((end = head.find("\r\n\r\n")) == std::string::npos) {
    head.append(buffer.data(), stream.receive(buffer, 1024, true));
  }
  if (!head.starts_with("HTTP/1.1 200")) throw std::runtime_error(head.substr(0, end));
  const std::size_t field = head.find("Content-Length: ");
  if (field == std::string::npos) throw std::runtime_error("no Content-Length");
  const std::size_t length = std::stoull(head.substr(field + std::strlen("Content-Length: ")));
  for (std::size_t got = head.size() - end - 4; got < length;) {
    got += stream.receive(buffer, length - got, false);
  }
  return length;
}

SSL_CTX* tls_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  // Many records by one call of the kernel.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kBufferBytes);
  return context;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string request(std::istreambuf_iterator<char>(std::cin), {});
  SSL_CTX* context = std::string_view(argv[4]) == "tls" ? tls_context() : nullptr;
  std::vector<std::size_t> bytes(static_cast<std::size_t>(std::atoi(argv[2])));
  std::vector<std::thread> streams;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t& of_stream : bytes) {
    streams.emplace_back([&] {
      try {
        Stream stream(std::atoi(argv[1]), context);
        for (int i = 0; i < std::atoi(argv[3]); ++i) of_stream += fetch(stream, request);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "fetch: %s\n", error.what());
        std::exit(1);
      }
    });
  }
  for (std::thread& stream : streams) stream.join();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::size_t total = 0;
  for (const std::size_t of_stream : bytes) total += of_stream;
  std::printf("{\"bytes\":%zu,\"seconds\":%f}\n", total, seconds);
  SSL_CTX_free(context);
}
