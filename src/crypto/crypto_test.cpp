#include <argon2.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/random.hpp"
#include "codec/text.hpp"
#include "crypto/authority.hpp"
#include "crypto/hash.hpp"
#include "crypto/secret.hpp"
#include "crypto/signing.hpp"

namespace holdfast::crypto {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Hasher, GivesTheVectorsOfFips180AndCanGoOn) {
  Hasher hasher(HashAlgorithm::sha256);
  hasher.update(bytes("a"));
  EXPECT_EQ(codec::hex(hasher.digest()),
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
  hasher.update(bytes("bc"));
  EXPECT_EQ(codec::hex(hasher.digest()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Hasher wide(HashAlgorithm::sha512);
  wide.update(bytes("abc"));
  EXPECT_THAT(codec::hex(wide.digest()), testing::StartsWith("ddaf35a193617abacc417349ae204131"));
}

TEST(Password, IsVerifiedAndSalted) {
  SystemRandom random;
  const std::string one = hash_password("correct horse", random);
  EXPECT_THAT(one, testing::StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_NE(one, hash_password("correct horse", random));
  EXPECT_TRUE(verify_password("correct horse", one));
  EXPECT_FALSE(verify_password("correct horsf", one));
  EXPECT_FALSE(verify_password("", one));
  EXPECT_FALSE(verify_password("x", "nonsense"));
}

TEST(Sealer, OpensOnlyWhatItSealedForThePurpose) {
  SystemRandom random;
  std::array<std::byte, 32> key{};
  const Sealer sealer(key);
  std::string sealed = sealer.seal("ca/root", "the secret", random);
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_NE(sealed, sealer.seal("ca/root", "the secret", random));
  EXPECT_EQ(sealer.open("ca/root", sealed).value(), "the secret");
  EXPECT_EQ(sealer.open("ca/other", sealed).error().reason, kSealBroken);
  key[0] = std::byte{1};
  EXPECT_FALSE(Sealer(key).open("ca/root", sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] = static_cast<char>(sealed[i] ^ 1);
    EXPECT_FALSE(sealer.open("ca/root", sealed)) << i;
    sealed[i] = static_cast<char>(sealed[i] ^ 1);
  }
  EXPECT_FALSE(sealer.open("ca/root", "short"));
}

TEST(SigningKey, SignsAndSurvivesPem) {
  const SigningKey key = SigningKey::generate();
  const std::string signature = key.sign("text");
  EXPECT_EQ(signature.size(), 64U);
  const auto again = SigningKey::from_pem(key.pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id(), key.id());
  EXPECT_TRUE(again->verify("text", signature));
  EXPECT_FALSE(again->verify("texu", signature));
  EXPECT_FALSE(again->verify("text", signature.substr(1)));
  EXPECT_FALSE(again->verify("text", std::string(64, '\0')));
  EXPECT_FALSE(SigningKey::generate().verify("text", signature));
  EXPECT_FALSE(SigningKey::from_pem("nonsense"));
  EXPECT_THAT(key.public_jwk(), testing::HasSubstr(key.id()));
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-crypto-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
  }
  std::filesystem::path path;
};

TEST(Authority, OpensslAcceptsTheChainForItsNamesAlone) {
  const Timestamp now = SystemClock().now();
  const KeyPair root = make_root("Holdfast CA", now);
  const auto leaf = issue_server(root, {"dtr.mydns.com", "*.example.com", "127.0.0.1", "::1"}, now,
                                 std::chrono::days(90));
  ASSERT_TRUE(leaf) << describe(leaf.error());
  const Folder folder;
  folder.write("ca.pem", root.certificate_pem);
  folder.write("leaf.pem", leaf->certificate_pem);
  const auto verify = [&](const std::string& more) {
    const std::string command = "openssl verify -x509_strict -purpose sslserver " + more +
                                " -CAfile " + (folder.path / "ca.pem").string() + " " +
                                (folder.path / "leaf.pem").string() + " >/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
  };
  EXPECT_TRUE(verify("-verify_hostname dtr.mydns.com"));
  EXPECT_TRUE(verify("-verify_hostname a.example.com"));
  EXPECT_TRUE(verify("-verify_ip 127.0.0.1"));
  EXPECT_TRUE(verify("-verify_ip ::1"));
  EXPECT_FALSE(verify("-verify_hostname other.mydns.com"));
  EXPECT_EQ(not_after(leaf->certificate_pem).value(),
            std::chrono::floor<std::chrono::seconds>(now + std::chrono::days(90)));
  EXPECT_THAT(fingerprint(root.certificate_pem).value(),
              testing::MatchesRegex("SHA256:([0-9A-F][0-9A-F]:)+[0-9A-F]*"));
}

TEST(Authority, RefusesNamesThatAreNone) {
  const Timestamp now = SystemClock().now();
  const KeyPair root = make_root("Holdfast CA", now);
  for (const std::string& name :
       {std::string(), std::string("a,DNS:b"), std::string("a b"), std::string(300, 'a')}) {
    EXPECT_FALSE(issue_server(root, {name}, now, std::chrono::days(1))) << name;
  }
  EXPECT_FALSE(issue_server(root, {}, now, std::chrono::days(1)));
  EXPECT_FALSE(issue_server({root.certificate_pem, make_root("x", now).key_pem}, {"a"}, now,
                            std::chrono::days(1)));
}

TEST(Password, TheUnmatchedHashIsOneAndHasNoPassword) {
  const std::string hash = unmatched_password_hash();
  SystemRandom random;
  EXPECT_EQ(hash.size(), hash_password("x", random).size());
  EXPECT_EQ(argon2id_verify(hash.c_str(), "x", 1), ARGON2_VERIFY_MISMATCH);
}

}  // namespace
}  // namespace holdfast::crypto
