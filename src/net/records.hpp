// TLS records of one connection, gathered to be sent together.
#pragma once

#include <cstddef>
#include <openssl/ssl.h>
#include <string_view>
#include <vector>

namespace holdfast::net {

// While it lives, what SSL_write makes of bytes gathers here instead of going to the socket record
// by record: one call of the kernel for many. (A BIO of OpenSSL's own would clear its memory each
// time.)
class Records {
 public:
  explicit Records(SSL* ssl);
  ~Records();
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  // Encrypts all of `bytes`; false when TLS cannot go on.
  bool encrypt(std::string_view bytes);
  [[nodiscard]] std::string_view gathered() const { return {bytes_.data(), bytes_.size()}; }
  void clear() { bytes_.clear(); }

 private:
  SSL* ssl_;
  std::vector<char> bytes_;
};

}  // namespace holdfast::net
