#include "crypto/hash.hpp"

#include <array>

#include "crypto/native.hpp"

namespace holdfast::crypto {

struct Hasher::Native {
  DigestContextPtr context{EVP_MD_CTX_new()};
};

Hasher::Hasher(HashAlgorithm algorithm) : native_(std::make_unique<Native>()) {
  const EVP_MD* method = algorithm == HashAlgorithm::sha256 ? EVP_sha256() : EVP_sha512();
  require(native_->context && EVP_DigestInit_ex(native_->context.get(), method, nullptr) == 1,
          "EVP_DigestInit_ex");
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(native_->context.get(), bytes.data(), bytes.size()) == 1,
          "EVP_DigestUpdate");
}

std::string Hasher::digest() const {
  const DigestContextPtr copy(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  require(copy && EVP_MD_CTX_copy_ex(copy.get(), native_->context.get()) == 1 &&
              EVP_DigestFinal_ex(copy.get(), raw.data(), &size) == 1,
          "EVP_DigestFinal_ex");
  return {reinterpret_cast<const char*>(raw.data()), size};
}

}  // namespace holdfast::crypto
