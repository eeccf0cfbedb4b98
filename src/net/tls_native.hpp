// OpenSSL's side of a TlsContext, for net's own files.
#pragma once

#include <memory>
#include <mutex>
#include <openssl/ssl.h>
#include <utility>

#include "net/tls.hpp"

namespace holdfast::net {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, FreeSsl>;
using SslContextPtr = std::unique_ptr<SSL_CTX, FreeSsl>;

class TlsContext::Native {
 public:
  explicit Native(SslContextPtr context) : context_(std::move(context)) {}
  void replace(SslContextPtr context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }
  // A new connection's state; it keeps its context alive by itself. Null when memory is out.
  SslPtr make() {
    const std::lock_guard lock(mutex_);
    return SslPtr(SSL_new(context_.get()));
  }

 private:
  std::mutex mutex_;
  SslContextPtr context_;  // guarded by mutex_
};

}  // namespace holdfast::net
