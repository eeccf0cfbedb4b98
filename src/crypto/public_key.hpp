// Public keys and certificates that users give: looked at strictly, as they are kept and shown.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::crypto {

inline constexpr std::string_view kPublicKeyInvalid = "public_key_invalid";     // invalid
inline constexpr std::string_view kCertificateInvalid = "certificate_invalid";  // invalid

struct PublicKey {
  std::string id;   // SHA-256 of its DER, hex
  std::string pem;  // one block "PUBLIC KEY", written anew
};

// One PEM block "PUBLIC KEY" (SubjectPublicKeyInfo) of at most 16 KiB with nothing but blanks
// around it: RSA of 2,048 to 8,192 bits, an elliptic curve of 256 bits or more, Ed25519.
// kPublicKeyInvalid. Safe from any thread.
Result<PublicKey> parse_public_key(std::string_view pem);

// One PEM certificate of at most 16 KiB that is for this key; gives it written anew. Who signed it
// is not looked at. kCertificateInvalid.
Result<std::string> parse_certificate_of(const PublicKey& key, std::string_view pem);

}  // namespace holdfast::crypto
