#include "crypto/public_key.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <span>
#include <utility>

#include "codec/text.hpp"
#include "crypto/hash.hpp"
#include "crypto/native.hpp"

namespace holdfast::crypto {

namespace {

constexpr std::size_t kPemLimitBytes = 16UZ << 10U;
constexpr std::string_view kBlanks = " \t\r\n";

// The DER of the one block with this name that a text holds; empty when that is not what it is.
std::string der_of(std::string_view pem, std::string_view name) {
  const std::size_t begin = pem.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos || pem.size() > kPemLimitBytes) return {};
  pem.remove_prefix(begin);
  // OpenSSL passes over what stands before a block.
  if (!pem.starts_with("-----BEGIN " + std::string(name) + "-----")) return {};
  const BioPtr bio = memory_bio(pem);
  char* block = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  std::string der;
  if (PEM_read_bio(bio.get(), &block, &header, &data, &size) == 1) {
    const bool rest_is_blank = text_of(bio.get()).find_first_not_of(kBlanks) == std::string::npos;
    if (name == block && *header == '\0' && rest_is_blank) {
      der.assign(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
    OPENSSL_free(block);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  ERR_clear_error();
  return der;
}

template <auto Write, typename Object>
std::string written(Object* object) {
  const BioPtr bio = memory_bio();
  require(Write(bio.get(), object) == 1, "PEM_write_bio");
  return text_of(bio.get());
}

bool is_strong(EVP_PKEY* key) {
  constexpr int kLeastRsa = 2048;
  constexpr int kMostRsa = 8192;
  constexpr int kLeastCurve = 256;
  const int bits = EVP_PKEY_get_bits(key);
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return bits >= kLeastRsa && bits <= kMostRsa;
    case EVP_PKEY_EC:
      return bits >= kLeastCurve;
    case EVP_PKEY_ED25519:
      return true;
    default:
      return false;
  }
}

std::string der_of(EVP_PKEY* key) {
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(key, &data);
  require(size > 0, "i2d_PUBKEY");
  std::string der(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(data);
  return der;
}

std::string id_of(EVP_PKEY* key) {
  const std::string der = der_of(key);
  Hasher hasher(HashAlgorithm::sha256);
  hasher.update(std::as_bytes(std::span(der)));
  return codec::hex(hasher.digest());
}

}  // namespace

Result<PublicKey> parse_public_key(std::string_view pem) {
  const std::string der = der_of(pem, "PUBLIC KEY");
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const KeyPtr key(der.empty() ? nullptr : d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  // Written anew it must be what came: two texts of one key would have two ids.
  if (!key || !is_strong(key.get()) || der_of(key.get()) != der) {
    return fail(ErrorCode::invalid, kPublicKeyInvalid,
                "a public key is one PEM block \"PUBLIC KEY\": RSA of 2048 to 8192 bits, an "
                "elliptic curve of 256 bits or more, or Ed25519");
  }
  return PublicKey{id_of(key.get()), written<PEM_write_bio_PUBKEY>(key.get())};
}

Result<std::string> parse_certificate_of(const PublicKey& key, std::string_view pem) {
  const std::string der = der_of(pem, "CERTIFICATE");
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const CertificatePtr certificate(
      der.empty() ? nullptr : d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  const bool whole =
      certificate && at == reinterpret_cast<const unsigned char*>(der.data()) + der.size();
  EVP_PKEY* inside = whole ? X509_get0_pubkey(certificate.get()) : nullptr;
  const bool fits = inside != nullptr && id_of(inside) == key.id;
  ERR_clear_error();
  if (!fits) {
    return fail(ErrorCode::invalid, kCertificateInvalid,
                "a certificate is one PEM block \"CERTIFICATE\" for the public key that it is "
                "given with");
  }
  return written<PEM_write_bio_X509>(certificate.get());
}

}  // namespace holdfast::crypto
