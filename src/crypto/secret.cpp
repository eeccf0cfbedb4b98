#include "crypto/secret.hpp"

#include <argon2.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <vector>

#include "crypto/native.hpp"

namespace holdfast::crypto {

namespace {

// OWASP's parameters for argon2id.
constexpr std::uint32_t kPasses = 2;
constexpr std::uint32_t kMemoryKib = 19 * 1024;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string hash_password(std::string_view password, Random& random) {
  std::array<std::byte, kSaltBytes> salt{};
  random.fill(salt);
  std::vector<char> encoded(
      argon2_encodedlen(kPasses, kMemoryKib, kLanes, kSaltBytes, kHashBytes, Argon2_id));
  const int result =
      argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, password.data(), password.size(),
                            salt.data(), salt.size(), kHashBytes, encoded.data(), encoded.size());
  if (result != ARGON2_OK) throw std::runtime_error(argon2_error_message(result));
  return encoded.data();
}

bool verify_password(std::string_view password, std::string_view phc) {
  const std::string terminated(phc);
  return argon2id_verify(terminated.c_str(), password.data(), password.size()) == ARGON2_OK;
}

std::string unmatched_password_hash() {
  const auto zeros = [](std::size_t bytes) { return std::string((bytes * 8 + 5) / 6, 'A'); };
  return fmt::format("$argon2id$v={}$m={},t={},p={}${}${}", int{ARGON2_VERSION_NUMBER}, kMemoryKib,
                     kPasses, kLanes, zeros(kSaltBytes), zeros(kHashBytes));
}

bool equal_constant_time(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::array<std::byte, 32> sha256(std::string_view text) {
  std::array<std::byte, 32> hash{};
  SHA256(bytes_of(text), text.size(), reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

std::array<std::byte, 32> hmac_sha256(std::span<const std::byte> key, std::string_view text) {
  std::array<std::byte, 32> code{};
  unsigned size = 0;
  require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
               reinterpret_cast<unsigned char*>(code.data()), &size) != nullptr,
          "HMAC");
  return code;
}

// Sealed form: nonce, ciphertext, tag.
std::string Sealer::seal(std::string_view purpose, std::string_view secret, Random& random) const {
  std::string sealed(kNonceBytes + secret.size() + kTagBytes, '\0');
  random.fill(std::as_writable_bytes(std::span(sealed)).first(kNonceBytes));
  auto* out = reinterpret_cast<unsigned char*>(sealed.data());
  const CipherContextPtr context(EVP_CIPHER_CTX_new());
  int size = 0;
  require(context &&
              EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                                 reinterpret_cast<const unsigned char*>(key_.data()), out) == 1 &&
              EVP_EncryptUpdate(context.get(), nullptr, &size, bytes_of(purpose),
                                static_cast<int>(purpose.size())) == 1 &&
              EVP_EncryptUpdate(context.get(), out + kNonceBytes, &size, bytes_of(secret),
                                static_cast<int>(secret.size())) == 1 &&
              EVP_EncryptFinal_ex(context.get(), out + kNonceBytes + size, &size) == 1 &&
              EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                                  out + kNonceBytes + secret.size()) == 1,
          "AES-256-GCM");
  return sealed;
}

Result<std::string> Sealer::open(std::string_view purpose, std::string_view sealed) const {
  const Error broken{ErrorCode::corrupt,
                     kSealBroken,
                     "a sealed secret cannot be opened: secret.key is not the one that sealed it, "
                     "or the stored bytes were changed",
                     {}};
  if (sealed.size() < kNonceBytes + kTagBytes) return broken;
  const std::size_t size = sealed.size() - kNonceBytes - kTagBytes;
  std::string secret(size, '\0');
  std::string tag(sealed.substr(kNonceBytes + size));
  const CipherContextPtr context(EVP_CIPHER_CTX_new());
  auto* out = reinterpret_cast<unsigned char*>(secret.data());
  int written = 0;
  const bool opened =
      context &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                         reinterpret_cast<const unsigned char*>(key_.data()),
                         bytes_of(sealed)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, bytes_of(purpose),
                        static_cast<int>(purpose.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), out, &written, bytes_of(sealed) + kNonceBytes,
                        static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out + written, &written) == 1;
  if (!opened) return broken;
  return secret;
}

}  // namespace holdfast::crypto
