// Passwords, sealed secrets, and comparisons that tell nothing by their time.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "base/result.hpp"

namespace holdfast::crypto {

inline constexpr std::string_view kSealBroken =
    "seal_broken";  // corrupt: wrong key, or changed bytes

// argon2id, 19 MiB, t=2, p=1, in the PHC string form. Takes about 20 ms of one core: call it on the
// pool, and not more at once than there are cores (accounts bounds it).
std::string hash_password(std::string_view password, Random& random);
// False too for a hash that does not parse.
bool verify_password(std::string_view password, std::string_view phc);

// A hash that no password has, as dear to verify against as any: for names that do not exist.
std::string unmatched_password_hash();

// Equal or not, in a time that depends on the lengths only.
bool equal_constant_time(std::string_view left, std::string_view right);

// Raw SHA-256, and HMAC-SHA-256 for keyed caches.
std::array<std::byte, 32> sha256(std::string_view text);
std::array<std::byte, 32> hmac_sha256(std::span<const std::byte> key, std::string_view text);

// Seals secrets for rest: AES-256-GCM, random nonce; `purpose` is bound to the sealed bytes so that
// one row cannot be put in the place of another. Safe from any thread.
class Sealer {
 public:
  explicit Sealer(std::array<std::byte, 32> key) : key_(key) {}
  [[nodiscard]] std::string seal(std::string_view purpose, std::string_view secret,
                                 Random& random) const;
  // corrupt/kSealBroken.
  [[nodiscard]] Result<std::string> open(std::string_view purpose, std::string_view sealed) const;

 private:
  std::array<std::byte, 32> key_;
};

}  // namespace holdfast::crypto
