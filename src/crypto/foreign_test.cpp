#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "crypto/foreign_hash.hpp"
#include "crypto/public_key.hpp"

namespace holdfast::crypto {
namespace {

constexpr std::string_view kPassword = "correct horse battery";
constexpr std::string_view kPasslib =
    "$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$BVALGMmC/K/8ELErc5VgJxyPFApArIZRCQsqjEgZWJ4";
constexpr std::string_view kDjango =
    "pbkdf2_sha256$1000$saltsalt1$ChzVlZ+k+ICfCEkSQA/wI8Hy041GlBG9das+5+rw4BI=";
constexpr std::string_view kBcrypt = "$2b$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo.";

TEST(ForeignHash, EachFormIsRightForItsPasswordAlone) {
  for (const std::string_view hash : {kPasslib, kDjango, kBcrypt}) {
    EXPECT_TRUE(is_foreign_hash(hash)) << hash;
    EXPECT_TRUE(verify_foreign_hash(kPassword, hash)) << hash;
    EXPECT_FALSE(verify_foreign_hash("correct horse batterz", hash)) << hash;
    EXPECT_FALSE(verify_foreign_hash("", hash)) << hash;
    EXPECT_FALSE(verify_foreign_hash(std::string(kPassword) + '\0', hash)) << hash;
  }
}

TEST(ForeignHash, WhatIsMalformedOrTooDearIsRefused) {
  const std::string bcrypt(kBcrypt);
  const std::string passlib(kPasslib);
  for (const std::string& hash : std::vector<std::string>{
           std::string(),
           std::string("*"),
           bcrypt + "a",
           bcrypt.substr(0, 59),
           "$2b$31" + bcrypt.substr(6),
           "$2b$15" + bcrypt.substr(6),
           "$2b$03" + bcrypt.substr(6),
           "$2x" + bcrypt.substr(3),
           "$2b$0x" + bcrypt.substr(6),
           bcrypt.substr(0, 59) + ":",
           "$pbkdf2-sha256$2000001" + passlib.substr(19),
           "$pbkdf2-sha256$0" + passlib.substr(19),
           "$pbkdf2-sha256$-1" + passlib.substr(19),
           "$pbkdf2-sha256$01" + passlib.substr(19),
           "$pbkdf2-sha256$99999999999" + passlib.substr(19),
           passlib + "A",
           passlib + "$",
           "$pbkdf2-sha512$" + passlib.substr(15),
           "pbkdf2_sha256$1000$salt" + std::string(1, '\0'),
           "pbkdf2_sha256$1000$sa/lt$ChzVlZ+k+ICfCEkSQA/wI8Hy041GlBG9das+5+rw4BI=",
           std::string("$argon2id$v=19$m=4194304,t=99,p=1$AAAA$AAAA"),
           std::string("$1$ab$cd")}) {
    EXPECT_FALSE(is_foreign_hash(hash)) << hash;
    EXPECT_FALSE(verify_foreign_hash(kPassword, hash)) << hash;
  }
}

constexpr std::string_view kKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEE1vJMTeOszmVAxrFRDfY25eith50
LkHs48boGnznyxbohiMY41vcazvbIjIcH24M6chxUXixtfJmHgQdSXSC1Q==
-----END PUBLIC KEY-----
)";
constexpr std::string_view kOtherKey = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAW873Z+5vzIj2nx+LZ6Q7G1KOFTRpixDMN4I9hZugSOM=
-----END PUBLIC KEY-----
)";
constexpr std::string_view kWeakKey = R"(-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDAhGnuQglQQ6J4I9rJ41fSTRym
L8EwVuUJAhWnxSS+uNbPiy9/+Xq6sJKId+iomN8E+y+WmlSHcRodg0Zm50AAjH24
J+6X+p7fIbuKaW21PSfiKEufrLz4vWJ+/xcJ85YE5TzzmxKVI0dvfne2KYu0R8Am
Ldk4I/XSrrMngA6i7wIDAQAB
-----END PUBLIC KEY-----
)";
constexpr std::string_view kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUOKlmRmFXSBO56GpKU9Abnf/789owCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAgFw0yNjExMjUxNDU0NTlaGA8yMTI2MTEwMTE0NTQ1OVow
DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBNbyTE3jrM5
lQMaxUQ32NuXorYedC5B7OPG6Bp858sW6IYjGONb3Gs72yIyHB9uDOnIcVF4sbXy
Zh4EHUl0gtWjUzBRMB0GA1UdDgQWBBS06HHCT/shxgffSs6JqPEZgijxEzAfBgNV
HSMEGDAWgBS06HHCT/shxgffSs6JqPEZgijxEzAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQDvuQ2u7tTkN/b5UbusGxhJz40YG5N5SOt7lLIYPwK5
2wIhAPl2gKSYlStyk9dcXVOTLSBl5F129BecyKU3CzwEJj36
-----END CERTIFICATE-----
)";

TEST(PublicKey, IsNamedByItsDerAndWrittenAnew) {
  const auto key = parse_public_key("\n" + std::string(kKey) + "\r\n  ");
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->pem, kKey);
  EXPECT_EQ(key->id.size(), 64U);
  EXPECT_TRUE(parse_public_key(kOtherKey).has_value());
}

TEST(PublicKey, OneStrongKeyAndNothingElse) {
  const std::string key(kKey);
  for (const std::string& text :
       {std::string(), std::string("x"), "x" + key, key + key, key + "x", key.substr(0, 90),
        std::string(kWeakKey), std::string(kCertificate), std::string(1UZ << 20U, 'A'),
        "-----BEGIN PUBLIC KEY-----\nA: b\n" + key.substr(27),
        std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")}) {
    EXPECT_FALSE(parse_public_key(text).has_value()) << text.substr(0, 200);
  }
}

TEST(PublicKey, ACertificateIsForItsKey) {
  const auto key = parse_public_key(kKey);
  const auto other = parse_public_key(kOtherKey);
  ASSERT_TRUE(key && other);
  const auto certificate = parse_certificate_of(*key, kCertificate);
  ASSERT_TRUE(certificate.has_value());
  EXPECT_EQ(*certificate, kCertificate);
  EXPECT_FALSE(parse_certificate_of(*other, kCertificate).has_value());
  EXPECT_FALSE(parse_certificate_of(*key, std::string(kCertificate) + "x").has_value());
  EXPECT_FALSE(parse_certificate_of(*key, kKey).has_value());
  EXPECT_FALSE(parse_certificate_of(*key, "").has_value());
}

}  // namespace
}  // namespace holdfast::crypto
