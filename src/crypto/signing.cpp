#include "crypto/signing.hpp"

#include <array>
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "codec/text.hpp"
#include "crypto/native.hpp"
#include "crypto/secret.hpp"

namespace holdfast::crypto {

namespace {

constexpr std::size_t kCoordinateBytes = 32;

std::string coordinate(EVP_PKEY* key, const char* parameter) {
  BIGNUM* number = nullptr;
  require(EVP_PKEY_get_bn_param(key, parameter, &number) == 1, "EVP_PKEY_get_bn_param");
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> owned(number);
  std::string raw(kCoordinateBytes, '\0');
  require(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(raw.data()), kCoordinateBytes) ==
              static_cast<int>(kCoordinateBytes),
          "BN_bn2binpad");
  return codec::base64url(raw);
}

using SignaturePtr = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

}  // namespace

struct SigningKey::Native {
  explicit Native(KeyPtr made) : key(std::move(made)) {
    x = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_X);
    y = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    const auto hash =
        sha256(fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})", x, y));
    id = codec::base64url({reinterpret_cast<const char*>(hash.data()), hash.size()});
  }
  KeyPtr key;
  std::string x, y, id;
};

SigningKey SigningKey::generate() {
  KeyPtr key(EVP_EC_gen("P-256"));
  require(key != nullptr, "EVP_EC_gen");
  return SigningKey(std::make_shared<const Native>(std::move(key)));
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  const BioPtr bio = memory_bio(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  std::array<char, 32> group{};
  if (!key || EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) != 1 ||
      std::string_view(group.data()) != "prime256v1") {
    return fail(ErrorCode::invalid, kKeyInvalid, "not the private key of a P-256 pair in PEM form");
  }
  return SigningKey(std::make_shared<const Native>(std::move(key)));
}

std::string SigningKey::pem() const {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), native_->key.get(), nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1,
          "PEM_write_bio_PKCS8PrivateKey");
  return text_of(bio.get());
}

std::string SigningKey::public_jwk() const {
  return fmt::format(
      R"({{"kty":"EC","crv":"P-256","x":"{}","y":"{}","kid":"{}","use":"sig","alg":"ES256"}})",
      native_->x, native_->y, native_->id);
}

const std::string& SigningKey::id() const { return native_->id; }

std::string SigningKey::sign(std::string_view text) const {
  const DigestContextPtr context(EVP_MD_CTX_new());
  std::array<unsigned char, 128> der{};
  std::size_t size = der.size();
  require(context &&
              EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                 native_->key.get()) == 1 &&
              EVP_DigestSign(context.get(), der.data(), &size,
                             reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1,
          "EVP_DigestSign");
  const unsigned char* at = der.data();
  const SignaturePtr parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  require(parsed != nullptr, "d2i_ECDSA_SIG");
  std::string raw(2 * kCoordinateBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out, kCoordinateBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out + kCoordinateBytes, kCoordinateBytes);
  return raw;
}

bool SigningKey::verify(std::string_view text, std::string_view signature) const {
  if (signature.size() != 2 * kCoordinateBytes) return false;
  const auto* in = reinterpret_cast<const unsigned char*>(signature.data());
  const SignaturePtr parsed(ECDSA_SIG_new());
  require(
      parsed && ECDSA_SIG_set0(parsed.get(), BN_bin2bn(in, kCoordinateBytes, nullptr),
                               BN_bin2bn(in + kCoordinateBytes, kCoordinateBytes, nullptr)) == 1,
      "ECDSA_SIG_set0");
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parsed.get(), &der);
  require(size > 0, "i2d_ECDSA_SIG");
  const DigestContextPtr context(EVP_MD_CTX_new());
  const bool good =
      context &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, native_->key.get()) ==
          1 &&
      EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  OPENSSL_free(der);
  return good;
}

}  // namespace holdfast::crypto
