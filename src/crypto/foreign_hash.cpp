#include "crypto/foreign_hash.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <crypt.h>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "codec/text.hpp"
#include "crypto/native.hpp"
#include "crypto/secret.hpp"

namespace holdfast::crypto {

namespace {

constexpr int kLeastCost = 4;
constexpr int kMostCost = 14;
constexpr int kMostRounds = 2'000'000;
constexpr std::size_t kSaltLimitBytes = 64;
constexpr std::size_t kSumBytes = 32;
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool made_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return kLetters.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

// Digits alone, without a zero before them.
std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.starts_with('0') || text.starts_with('-')) return std::nullopt;
  return value;
}

// "$2b$12$" and 22 letters of salt and 31 of sum.
bool is_bcrypt(std::string_view hash) {
  constexpr std::size_t kLength = 60;
  constexpr std::size_t kHead = 7;
  if (hash.size() != kLength || hash[6] != '$') return false;
  if (!hash.starts_with("$2a$") && !hash.starts_with("$2b$") && !hash.starts_with("$2y$")) {
    return false;
  }
  const bool digits = hash[4] >= '0' && hash[4] <= '9' && hash[5] >= '0' && hash[5] <= '9';
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  return digits && cost >= kLeastCost && cost <= kMostCost && made_of(hash.substr(kHead), "./");
}

struct Pbkdf2 {
  int rounds = 0;
  std::string salt;
  std::string sum;
};

// Base64 without padding and with '.' for '+'.
std::optional<std::string> from_passlib(std::string_view text) {
  std::string encoded(text);
  if (!made_of(text, "./")) return std::nullopt;
  std::ranges::replace(encoded, '.', '+');
  encoded.append((4 - encoded.size() % 4) % 4, '=');
  return codec::from_base64(encoded);
}

std::optional<Pbkdf2> parse_pbkdf2(std::string_view hash) {
  constexpr std::string_view kPasslib = "$pbkdf2-sha256$";
  constexpr std::string_view kDjango = "pbkdf2_sha256$";
  const bool passlib = hash.starts_with(kPasslib);
  if (!passlib && !hash.starts_with(kDjango)) return std::nullopt;
  hash.remove_prefix(passlib ? kPasslib.size() : kDjango.size());
  const std::size_t first = hash.find('$');
  const std::size_t second = first == std::string_view::npos ? first : hash.find('$', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view salt = hash.substr(first + 1, second - first - 1);
  const std::string_view sum = hash.substr(second + 1);
  const auto rounds = number(hash.substr(0, first));
  const auto salt_bytes = passlib             ? from_passlib(salt)
                          : made_of(salt, "") ? std::optional<std::string>(salt)
                                              : std::nullopt;
  const auto sum_bytes = passlib ? from_passlib(sum) : codec::from_base64(sum);
  if (!rounds || *rounds < 1 || *rounds > kMostRounds || !salt_bytes ||
      salt_bytes->size() > kSaltLimitBytes || !sum_bytes || sum_bytes->size() != kSumBytes) {
    return std::nullopt;
  }
  return Pbkdf2{*rounds, *salt_bytes, *sum_bytes};
}

bool verify_pbkdf2(std::string_view password, const Pbkdf2& hash) {
  std::array<unsigned char, kSumBytes> sum{};
  require(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                            reinterpret_cast<const unsigned char*>(hash.salt.data()),
                            static_cast<int>(hash.salt.size()), hash.rounds, EVP_sha256(),
                            static_cast<int>(sum.size()), sum.data()) == 1,
          "PBKDF2");
  return equal_constant_time({reinterpret_cast<const char*>(sum.data()), sum.size()}, hash.sum);
}

bool verify_bcrypt(std::string_view password, std::string_view hash) {
  const std::string given(password);
  const std::string setting(hash);
  const auto data = std::make_unique<crypt_data>();  // 32 KiB
  const char* made = ::crypt_r(given.c_str(), setting.c_str(), data.get());
  return made != nullptr && equal_constant_time(made, hash);
}

}  // namespace

bool is_foreign_hash(std::string_view hash) {
  return is_bcrypt(hash) || parse_pbkdf2(hash).has_value();
}

bool verify_foreign_hash(std::string_view password, std::string_view hash) {
  // bcrypt takes a C string, and HMAC fills its key up with zeros: a NUL would not count.
  if (password.find('\0') != std::string_view::npos) return false;
  if (is_bcrypt(hash)) return verify_bcrypt(password, hash);
  const auto pbkdf2 = parse_pbkdf2(hash);
  return pbkdf2 && verify_pbkdf2(password, *pbkdf2);
}

}  // namespace holdfast::crypto
