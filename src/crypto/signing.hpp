// An ECDSA P-256 key that signs tokens (JWS ES256, RFC 7518 section 3.4).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::crypto {

inline constexpr std::string_view kKeyInvalid = "key_invalid";  // invalid

// Immutable; safe from any thread.
class SigningKey {
 public:
  static SigningKey generate();
  // From PKCS#8 PEM. invalid/kKeyInvalid when it is not a P-256 private key.
  static Result<SigningKey> from_pem(std::string_view pem);
  [[nodiscard]] std::string pem() const;
  // {"kty":"EC","crv":"P-256","x":…,"y":…,"kid":…,"use":"sig","alg":"ES256"}
  [[nodiscard]] std::string public_jwk() const;
  // RFC 7638 thumbprint, base64url: names the key.
  [[nodiscard]] const std::string& id() const;

  // The 64-byte raw signature r || s.
  [[nodiscard]] std::string sign(std::string_view text) const;
  [[nodiscard]] bool verify(std::string_view text, std::string_view signature) const;

 private:
  struct Native;
  explicit SigningKey(std::shared_ptr<const Native> native) : native_(std::move(native)) {}
  std::shared_ptr<const Native> native_;
};

}  // namespace holdfast::crypto
