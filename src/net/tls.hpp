// The server side of TLS: certificate, policy, session tickets.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"

namespace holdfast::net {

inline constexpr std::string_view kCertificateInvalid = "certificate_invalid";  // invalid

// TLS 1.2 and 1.3; ECDHE with AES-128-GCM first; tickets on. The certificate can be replaced while
// connections run: those that are open keep theirs. Safe from any thread.
class TlsContext {
 public:
  // PEM texts: leaf first, then intermediates. invalid/kCertificateInvalid when they do not parse
  // or the key does not belong to the certificate.
  static Result<std::shared_ptr<TlsContext>> create(const std::string& certificate_pem,
                                                    const std::string& key_pem);
  // The same check; on error the old certificate stays.
  Result<void> replace(const std::string& certificate_pem, const std::string& key_pem);
  ~TlsContext();

  class Native;  // OpenSSL's side, for net's own files
  [[nodiscard]] Native& native() { return *native_; }

 private:
  explicit TlsContext(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace holdfast::net
