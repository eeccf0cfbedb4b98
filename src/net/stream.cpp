#include "net/stream.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <climits>
#include <openssl/err.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

#include "net/records.hpp"
#include "net/tls_native.hpp"

namespace holdfast::net {

namespace asio = boost::asio;

namespace {

// A turn of the loop sends this much at most: others wait for it.
constexpr std::size_t kSliceBytes = 2UZ * 1024 * 1024;
// Of a file over TLS: encrypted together and sent by one call, more where the client keeps up.
constexpr std::size_t kFirstEncryptBytes = 64UZ * 1024;
constexpr std::size_t kEncryptBytes = 256UZ * 1024;

Error closed() {
  return fail(ErrorCode::unavailable, kConnectionClosed, "the connection was closed");
}

Error file_too_short() {
  return fail(ErrorCode::corrupt, "file_truncated", "a file is shorter than it should be");
}

// What a loop's thread reads of a file before it is encrypted; nothing is kept in it across a wait.
std::span<char> plain_bytes(std::size_t size) {
  thread_local std::vector<char> buffer(kEncryptBytes);
  return std::span(buffer).first(size);
}

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK; }

}  // namespace

struct Stream::Tls {
  SslPtr ssl;
};

Stream::Stream(Socket socket, TlsContext* tls) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
  if (tls == nullptr) return;
  tls_ = std::make_unique<Tls>();
  tls_->ssl = tls->native().make();
  if (tls_->ssl) SSL_set_fd(tls_->ssl.get(), socket_.native_handle());
}

Stream::~Stream() { close(); }

bool Stream::is_tls() const { return tls_ != nullptr; }
bool Stream::resumed() const {
  return tls_ && tls_->ssl && SSL_session_reused(tls_->ssl.get()) == 1;
}

asio::awaitable<Result<void>> Stream::wait(Socket::wait_type what) {
  if (!socket_.is_open()) co_return closed();
  const auto [error] = co_await socket_.async_wait(what, asio::as_tuple(asio::use_awaitable));
  if (error || !socket_.is_open()) co_return closed();
  co_return Result<void>();
}

asio::awaitable<Result<void>> Stream::handshake() {
  if (!tls_) co_return Result<void>();
  if (!tls_->ssl) co_return closed();
  while (true) {
    ERR_clear_error();
    const int result = SSL_accept(tls_->ssl.get());
    if (result == 1) co_return Result<void>();
    switch (SSL_get_error(tls_->ssl.get(), result)) {
      case SSL_ERROR_WANT_READ:
        HF_CO_CHECK(co_await wait(Socket::wait_read));
        break;
      case SSL_ERROR_WANT_WRITE:
        HF_CO_CHECK(co_await wait(Socket::wait_write));
        break;
      default:
        ERR_clear_error();
        co_return fail(ErrorCode::unavailable, kHandshakeFailed, "the TLS handshake failed");
    }
  }
}

Result<std::optional<std::size_t>> Stream::try_read(std::span<std::byte> into) {
  constexpr std::optional<std::size_t> kNothing;
  if (!socket_.is_open()) return closed();
  wants_write_ = false;
  ssize_t got = -1;
  if (!tls_) {
    do {
      got = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
      return would_block(errno) ? Result<std::optional<std::size_t>>(kNothing) : closed();
  } else {
    ERR_clear_error();
    got = SSL_read(tls_->ssl.get(), into.data(),
                   static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX)));
    if (got <= 0) {
      switch (SSL_get_error(tls_->ssl.get(), static_cast<int>(got))) {
        case SSL_ERROR_ZERO_RETURN:
          got = 0;
          break;
        case SSL_ERROR_WANT_WRITE:
          wants_write_ = true;
          return kNothing;
        case SSL_ERROR_WANT_READ:
          return kNothing;
        default:
          ERR_clear_error();
          return closed();
      }
    }
  }
  moved_bytes_ += static_cast<std::uint64_t>(got);
  return std::optional<std::size_t>(static_cast<std::size_t>(got));
}

asio::awaitable<Result<std::size_t>> Stream::read_some(std::span<std::byte> into) {
  while (true) {
    HF_CO_TRY(const std::optional<std::size_t> got, try_read(into));
    if (got) co_return *got;
    HF_CO_CHECK(co_await wait(wants_write_ ? Socket::wait_write : Socket::wait_read));
  }
}

asio::awaitable<Result<std::size_t>> Stream::peek(std::span<std::byte> into) {
  while (true) {
    if (!socket_.is_open()) co_return closed();
    const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_PEEK);
    if (got >= 0) co_return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (!would_block(errno)) co_return closed();
    HF_CO_CHECK(co_await wait(Socket::wait_read));
  }
}

void Stream::skip(std::size_t count) {
  std::array<std::byte, 1024> taken{};
  while (count > 0) {
    const ssize_t got =
        ::recv(socket_.native_handle(), taken.data(), std::min(count, taken.size()), 0);
    if (got <= 0) return;
    count -= static_cast<std::size_t>(got);
  }
}

asio::awaitable<Result<void>> Stream::write_tls(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!socket_.is_open()) co_return closed();
    ERR_clear_error();
    const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
    const int put = SSL_write(tls_->ssl.get(), bytes.data(), size);
    if (put > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
      moved_bytes_ += static_cast<std::uint64_t>(put);
      continue;
    }
    switch (SSL_get_error(tls_->ssl.get(), put)) {
      case SSL_ERROR_WANT_READ:
        HF_CO_CHECK(co_await wait(Socket::wait_read));
        break;
      case SSL_ERROR_WANT_WRITE:
        HF_CO_CHECK(co_await wait(Socket::wait_write));
        break;
      default:
        ERR_clear_error();
        co_return closed();
    }
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> Stream::write(std::string_view first, std::string_view second) {
  if (tls_) {
    // A small body travels in the head's record.
    constexpr std::size_t kRecordBytes = 16UZ * 1024;
    if (!second.empty() && first.size() + second.size() <= kRecordBytes) {
      std::string both(first);
      both += second;
      co_return co_await write_tls(both);
    }
    HF_CO_CHECK(co_await write_tls(first));
    co_return co_await write_tls(second);
  }
  while (!first.empty() || !second.empty()) {
    if (!socket_.is_open()) co_return closed();
    std::array<iovec, 2> parts = {iovec{const_cast<char*>(first.data()), first.size()},
                                  iovec{const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t put = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && !would_block(errno)) co_return closed();
    if (put < 0) {
      HF_CO_CHECK(co_await wait(Socket::wait_write));
      continue;
    }
    moved_bytes_ += static_cast<std::uint64_t>(put);
    const auto of_first = std::min(static_cast<std::size_t>(put), first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(static_cast<std::size_t>(put) - of_first);
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> Stream::send_file_tls(int file, std::uint64_t offset,
                                                    std::uint64_t length_bytes) {
  Records records(tls_->ssl.get());
  std::size_t step = kFirstEncryptBytes;
  while (length_bytes > 0) {
    const auto plain = plain_bytes(std::min<std::uint64_t>(step, length_bytes));
    const ssize_t got = ::pread(file, plain.data(), plain.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) co_return file_too_short();
    if (!records.encrypt({plain.data(), static_cast<std::size_t>(got)})) co_return closed();
    bool waited = false;
    for (std::string_view left = records.gathered(); !left.empty();) {
      if (!socket_.is_open()) co_return closed();
      const ssize_t put = ::send(socket_.native_handle(), left.data(), left.size(), MSG_NOSIGNAL);
      if (put >= 0) {
        left.remove_prefix(static_cast<std::size_t>(put));
        moved_bytes_ += static_cast<std::uint64_t>(put);
      } else if (would_block(errno)) {
        waited = true;
        HF_CO_CHECK(co_await wait(Socket::wait_write));
      } else if (errno != EINTR) {
        co_return closed();
      }
    }
    records.clear();
    offset += static_cast<std::uint64_t>(got);
    length_bytes -= static_cast<std::uint64_t>(got);
    if (!waited) step = kEncryptBytes;
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> Stream::send_file(std::string_view head, int file,
                                                std::uint64_t offset, std::uint64_t length_bytes) {
  if (tls_) {
    HF_CO_CHECK(co_await write_tls(head));
    co_return co_await send_file_tls(file, offset, length_bytes);
  }
  // The head waits in the kernel for the first bytes of the file: one packet for both.
  while (!head.empty()) {
    if (!socket_.is_open()) co_return closed();
    const ssize_t put =
        ::send(socket_.native_handle(), head.data(), head.size(), MSG_NOSIGNAL | MSG_MORE);
    if (put >= 0) {
      head.remove_prefix(static_cast<std::size_t>(put));
    } else if (would_block(errno)) {
      HF_CO_CHECK(co_await wait(Socket::wait_write));
    } else if (errno != EINTR) {
      co_return closed();
    }
  }
  auto at = static_cast<off_t>(offset);
  while (length_bytes > 0) {
    if (!socket_.is_open()) co_return closed();
    const std::size_t wanted = std::min<std::uint64_t>(kSliceBytes, length_bytes);
    const ssize_t put = ::sendfile(socket_.native_handle(), file, &at, wanted);
    if (put == 0) co_return file_too_short();
    if (put > 0) {
      length_bytes -= static_cast<std::uint64_t>(put);
      moved_bytes_ += static_cast<std::uint64_t>(put);
      if (length_bytes > 0) co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    } else if (would_block(errno)) {
      HF_CO_CHECK(co_await wait(Socket::wait_write));
    } else if (errno != EINTR) {
      co_return closed();
    }
  }
  co_return Result<void>();
}

void Stream::shutdown() {
  if (!socket_.is_open()) return;
  if (tls_ && tls_->ssl && SSL_is_init_finished(tls_->ssl.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(tls_->ssl.get());
    ERR_clear_error();
  }
  ::shutdown(socket_.native_handle(), SHUT_WR);
}

void Stream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace holdfast::net
